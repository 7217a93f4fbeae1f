# The outputs wait for the policies, so that a role has its rights at its first use. A destroy removes the rights only
# after the tasks.

output "execution_role_arn" {
  description = "ARN of ECS's role to pull images, read secrets and write logs."
  value       = aws_iam_role.execution.arn
  depends_on  = [aws_iam_role_policy.execution]
}

output "execution_role_name" {
  description = "Name of the execution role."
  value       = aws_iam_role.execution.name
  depends_on  = [aws_iam_role_policy.execution]
}

output "task_role_arn" {
  description = "ARN of the role of both containers."
  value       = aws_iam_role.task.arn
  depends_on  = [aws_iam_role_policy.task]
}

output "task_role_name" {
  description = "Name of the task role."
  value       = aws_iam_role.task.name
  depends_on  = [aws_iam_role_policy.task]
}
