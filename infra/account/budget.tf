# A budget for everything with the tag of Echo. Mocks are public by default, so strangers' traffic decides about a part
# of the costs.

locals {
  budgets = var.budget == null ? {} : { main = var.budget }
  # The tags that environments give to all of their resources.
  cost_tags = ["Environment", "Project"]
}

# AWS counts the costs of a tag from its activation on.
resource "aws_ce_cost_allocation_tag" "main" {
  for_each = toset([for tag in local.cost_tags : tag if try(var.budget.activate_tags, false)])

  tag_key = each.key
  status  = "Active"
}

resource "aws_budgets_budget" "main" {
  for_each = local.budgets

  name         = "echo"
  budget_type  = "COST"
  time_unit    = "MONTHLY"
  limit_amount = tostring(each.value.usd_a_month)
  limit_unit   = "USD"

  cost_filter {
    name   = "TagKeyValue"
    values = ["user:Project$echo"]
  }

  # The spent sum, and AWS's forecast for the end of the month.
  dynamic "notification" {
    for_each = { ACTUAL = 80, FORECASTED = 100 }

    content {
      notification_type          = notification.key
      comparison_operator        = "GREATER_THAN"
      threshold                  = notification.value
      threshold_type             = "PERCENTAGE"
      subscriber_email_addresses = each.value.emails
    }
  }

  depends_on = [aws_ce_cost_allocation_tag.main]
}
