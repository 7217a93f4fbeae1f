# Scale a development environment to zero at night and at weekends.

# For the tests: Terraform passes a provider only to modules with this block.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

module "autoscaling" {
  source = "../../"

  name         = "echo-dev"
  cluster_name = "echo-dev"
  service_name = "echo"
  min          = 1
  max          = 4

  schedules = {
    evening = { cron = "0 20 ? * MON-FRI *", timezone = "Europe/Berlin", min = 0, max = 0 }
    morning = { cron = "0 7 ? * MON-FRI *", timezone = "Europe/Berlin", min = 1, max = 4 }
  }
}

output "resource_id" {
  description = "Id for the history of scaling: aws application-autoscaling describe-scaling-activities --service-namespace ecs --resource-id …"
  value       = module.autoscaling.resource_id
}
