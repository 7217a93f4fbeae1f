# A cheap environment behind an existing load balancer: one task on demand, all others on Spot.

# For the tests: Terraform passes a provider only to modules with this block.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "network" {
  description = "Network of the tasks: private subnets with a route out, by zone letter, and the tasks' security group."
  type = object({
    subnet_ids        = map(string)
    security_group_id = string
  })
}

variable "target_group_arns" {
  description = "ARNs of the target groups of the load balancer's two listeners."
  type = object({
    mocks      = string
    management = string
  })
}

variable "role_arns" {
  description = "ARNs of the two roles from modules/iam."
  type = object({
    execution = string
    task      = string
  })
}

variable "image" {
  description = "The service's image by digest."
  type        = string
}

module "secrets" {
  source = "../../../secrets"

  name    = "echo-dev"
  keys    = { ci = { scopes = "read+write" } }
  protect = false
}

module "service" {
  source = "../../"

  name               = "echo-dev"
  image              = var.image
  cpu                = 256
  memory             = 512
  desired_count      = 2
  capacity           = { on_demand_base = 1, spot_percent = 100 }
  protect            = false
  execution_role_arn = var.role_arns.execution
  task_role_arn      = var.role_arns.task
  subnet_ids         = var.network.subnet_ids
  security_group_id  = var.network.security_group_id
  target_group_arns  = var.target_group_arns

  environment = {
    ECHO_LISTEN                 = "0.0.0.0:8080"
    ECHO_MANAGEMENT_LISTEN      = "0.0.0.0:8081"
    ECHO_STORE                  = "dynamodb:echo-dev"
    ECHO_SHUTDOWN_DELAY         = "10s"
    OTEL_EXPORTER_OTLP_ENDPOINT = "http://127.0.0.1:4318"
  }
  # The value names the version of the secret, so that new keys cause a rollout.
  secrets = { ECHO_KEYS = module.secrets.entries_value_from }

  collector = {
    image = "public.ecr.aws/aws-observability/aws-otel-collector@sha256:${sha256("the digest that your registry shows")}"
    config = yamlencode({
      receivers = { otlp = { protocols = { http = { endpoint = "127.0.0.1:4318" } } } }
      exporters = { debug = {} }
      service   = { pipelines = { metrics = { receivers = ["otlp"], exporters = ["debug"] } } }
    })
  }

  log_group_names      = { service = "/echo/echo-dev/service", collector = "/echo/echo-dev/collector" }
  rollback_alarm_names = ["echo-dev-target-5xx"]
}

# From here on autoscaling decides the number of tasks.
module "autoscaling" {
  source = "../../../autoscaling"

  name         = "echo-dev"
  cluster_name = module.service.cluster_name
  service_name = module.service.service_name
  min          = 1
  max          = 4
}

output "task_definition_arn" {
  description = "ARN of the running revision."
  value       = module.service.task_definition_arn
}
