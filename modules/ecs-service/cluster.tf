resource "aws_ecs_cluster" "main" {
  name = var.name

  # Metrics of the service only: "enhanced" adds metrics of each task, and costs by the task.
  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

# Always both, so that a change of the mix changes only the service.
resource "aws_ecs_cluster_capacity_providers" "main" {
  cluster_name       = aws_ecs_cluster.main.name
  capacity_providers = ["FARGATE", "FARGATE_SPOT"]
}
