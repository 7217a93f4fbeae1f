# The outputs wait for the policies: whoever uses a role here finds it able to do its work, and a destroy takes the rights away
# only after the tasks have gone.

output "execution_role_arn" {
  description = "ARN of the role by which ECS pulls images, reads secrets and writes logs."
  value       = aws_iam_role.execution.arn
  depends_on  = [aws_iam_role_policy.execution]
}

output "execution_role_name" {
  description = "Name of the execution role."
  value       = aws_iam_role.execution.name
  depends_on  = [aws_iam_role_policy.execution]
}

output "task_role_arn" {
  description = "ARN of the role that the containers have."
  value       = aws_iam_role.task.arn
  depends_on  = [aws_iam_role_policy.task]
}

output "task_role_name" {
  description = "Name of the task role."
  value       = aws_iam_role.task.name
  depends_on  = [aws_iam_role_policy.task]
}
