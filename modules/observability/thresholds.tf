# Thresholds of the alarms. An environment overrides single ones.

locals {
  default_thresholds = {
    # Days until the certificate expires. ACM renews its own certificates 60 days before, so at 30 the renewal has
    # failed, or ACM does not renew the certificate.
    certificate_days = 30
    # Average CPU of the tasks over 15 minutes. Above autoscaling's target, so the alarm rings only if scaling has
    # reached its limit.
    cpu_percent = 85
    # Lines of level ERROR in 5 minutes. A single failed request stays below; management with a lasting failure does
    # not.
    error_lines = 5
    # Bytes of all log groups in an hour. For a month, this volume would cost about 230 USD, as much as an environment.
    log_bytes = 500000000
    # Answers in a minute, in 3 of 5 minutes. A sound rollout causes none.
    load_balancer_5xx = 5
    management_5xx    = 5
    # Time to answer management. A change waits for the table's transaction.
    management_p99_seconds = 2
    # Average memory of a task over 15 minutes, beyond half of the collector's share, in percent of the service's share.
    # Scaling does not help, because each task holds all mocks. At 100 % ECS kills a container: give tasks more memory.
    memory_percent = 85
    # Echo's own 5xx answers to calls of mocks in 3 minutes, for 3 minutes.
    mocks_faults = 5
    # Memory of all mocks, in percent of their limit, for 5 minutes. At 100 % Echo refuses new mocks with 507.
    mocks_memory_percent = 80
    # Time to answer a mock, from memory or by one read of the table, without a delay of the mock. Both take
    # milliseconds.
    mocks_p99_seconds = 0.25
    # Minutes without any metric of the service. At least 10, because a new environment is silent until its first tasks
    # run.
    telemetry_silent_minutes = 15
    # vCPU of all tasks in the account, in percent of the quota, for 10 minutes. At 100 % no further task starts.
    vcpu_quota_percent = 80
  }

  thresholds = merge(local.default_thresholds, var.thresholds)
}
