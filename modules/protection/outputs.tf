output "protected" {
  description = "Whether Terraform refuses a destroy."
  value       = terraform_data.main.input.protect
}
