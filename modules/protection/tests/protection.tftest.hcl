# tests/terraform/test_protection.py shows that a destroy is refused and changes nothing: here a failed destroy would
# fail the test.

run "protected_by_default" {
  command = plan
  variables {
    name = "echo-test"
  }

  assert {
    condition     = terraform_data.main.input == { name = "echo-test", protect = true }
    error_message = "Protection must be the default."
  }
}

run "example_one_resource" {
  command = plan
  module {
    source = "./examples/one-resource"
  }
}

# Applied, and destroyed at the end of the test.
run "not_protected" {
  variables {
    name    = "echo-test"
    protect = false
  }

  assert {
    condition     = !output.protected
    error_message = "With protect = false a destroy must be possible."
  }
}
