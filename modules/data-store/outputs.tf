output "table_arn" {
  description = "ARN of the table, for the task role."
  value       = aws_dynamodb_table.main.arn
}

output "table_name" {
  description = "Name of the table, for `ECHO_STORE=dynamodb:<name>` and the alarms."
  value       = aws_dynamodb_table.main.name
}
