# Somebody is told before the month's bill is. Costs are counted by the tag Application, which has to
# be activated once in the account's billing settings.
resource "aws_budgets_budget" "this" {
  name         = local.name
  budget_type  = "COST"
  time_unit    = "MONTHLY"
  limit_amount = "{{ budget.monthly_usd }}"
  limit_unit   = "USD"

  cost_filter {
    name   = "TagKeyValue"
    values = ["user:Application${"$"}{{ application }}"]
  }

  notification {
    notification_type          = "FORECASTED"
    comparison_operator        = "GREATER_THAN"
    threshold                  = 100
    threshold_type             = "PERCENTAGE"
{% if budget.notify %}
    subscriber_email_addresses = ["{{ budget.notify }}"]
{% else %}
    subscriber_sns_topic_arns  = [aws_sns_topic.alerts.arn]
{% endif %}
  }

  notification {
    notification_type          = "ACTUAL"
    comparison_operator        = "GREATER_THAN"
    threshold                  = 80
    threshold_type             = "PERCENTAGE"
{% if budget.notify %}
    subscriber_email_addresses = ["{{ budget.notify }}"]
{% else %}
    subscriber_sns_topic_arns  = [aws_sns_topic.alerts.arn]
{% endif %}
  }
}
