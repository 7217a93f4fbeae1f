data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  name       = "echo-${var.environment}"
  region     = data.aws_region.current.region
  partition  = data.aws_partition.current.partition
  dns_suffix = data.aws_partition.current.dns_suffix
  account    = data.aws_caller_identity.current.account_id

  # The permissions boundary of an environment's roles: by default from modules/permissions-boundary. The pipeline's
  # roles can create no role without the boundary.
  permissions_boundary_arn = coalesce(var.iam.permissions_boundary_arn, "arn:${local.partition}:iam::${local.account}:policy/github/echo-boundary-${var.environment}")

  # Ports inside a task. The load balancer's listeners have other ports.
  service_ports      = { mocks = 8080, management = 8081 }
  collector_endpoint = "127.0.0.1:4318"

  # The plan knows if there is a certificate, before ACM has issued it.
  certificate = var.domain == null ? null : { arn = var.domain.zone_id == null ? var.domain.certificate_arn : module.domain[0].certificate_arn }

  # Without a certificate there is no HTTPS to redirect to.
  listener_ports = var.domain == null ? { mocks = 80, management = 8081, redirect = null } : { mocks = 443, management = 8443, redirect = 80 }

  # The load balancer waits longer for an answer than a mock may delay it: 60 s by `--max-delay`, and seconds for the
  # table. Otherwise clients would get its 504. The service waits longest, so that it closes no connection in use.
  #
  # The end of a task in order: the load balancer removes the task, and keeps connections until their last answer. ECS
  # then stops the task. On Spot, ECS may stop the task at once: the task continues to serve while the load balancer
  # removes it, then finishes its requests. ECS kills the task only long afterwards.
  times = {
    load_balancer_idle_seconds = 70
    service_idle_seconds       = 75
    shutdown_delay_seconds     = 10
    shutdown_deadline_seconds  = 20
    stop_timeout_seconds       = 60
    deregistration_seconds     = 70
  }

  # AWS services that tasks use: ECS on their behalf, with the execution role, and the collector. DynamoDB and S3 have
  # free gateway endpoints.
  reached_services = setunion(["ecr.api", "ecr.dkr", "logs", "secretsmanager"], values(local.telemetry_services))

  # A schedule may lower the minimum, so fewer tasks are no fault.
  task_count_min = min(var.capacity.min, [for schedule in values(var.capacity.schedules) : schedule.min]...)

  # A load test comes from one address. So one address may send, in WAF's five minutes, as many requests as the
  # environment scales to at its maximum.
  task_count_max         = max(var.capacity.max, [for schedule in values(var.capacity.schedules) : schedule.max]...)
  requests_per_5_minutes = try(5 * local.task_count_max * var.capacity.requests_per_target, null)

  # Memory sizes of Fargate in MiB, by CPU units.
  fargate_memory = {
    256   = [512, 1024, 2048]
    512   = range(1024, 4097, 1024)
    1024  = range(2048, 8193, 1024)
    2048  = range(4096, 16385, 1024)
    4096  = range(8192, 30721, 1024)
    8192  = range(16384, 61441, 4096)
    16384 = range(32768, 122881, 8192)
  }

  # Retention times of CloudWatch Logs in days.
  cloudwatch_days = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653]

  # Images in ECR. By digest, because a tag can move.
  ecr_image = "^(?P<account>[0-9]{12})\\.dkr\\.ecr\\.(?P<region>[a-z0-9-]+)\\.amazonaws\\.com/(?P<repository>[a-z0-9][a-z0-9._/-]*)@sha256:(?P<digest>[0-9a-f]{64})$"
  images    = { for name, url in { service = var.docker_image_url, collector = var.collector_image_url } : name => regex(local.ecr_image, url) }

  # The only registry that roles may pull from, and that tasks without NAT can reach.
  registry = "${local.account}.dkr.ecr.${local.region}.${local.dns_suffix}/"

  # Repositories for the right to pull.
  repository_arns = {
    for name, image in local.images : name => "arn:${local.partition}:ecr:${image.region}:${image.account}:repository/${image.repository}"
  }
}
