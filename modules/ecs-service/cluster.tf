resource "aws_ecs_cluster" "main" {
  name = var.name

  # The service's metrics, not those of each task: "enhanced" costs by the task.
  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

# Both are always there, so that a change of the mix changes the service only.
resource "aws_ecs_cluster_capacity_providers" "main" {
  cluster_name       = aws_ecs_cluster.main.name
  capacity_providers = ["FARGATE", "FARGATE_SPOT"]
}
