# That a destroy is refused, and leaves everything as it is, is shown by tests/terraform/test_protection.py: here a destroy that fails
# would fail the test.

run "protected_unless_said_otherwise" {
  command = plan
  variables {
    name = "echo-test"
  }

  assert {
    condition     = terraform_data.main.input == { name = "echo-test", protect = true }
    error_message = "What is not said must be protected."
  }
}

run "example_one_resource" {
  command = plan
  module {
    source = "./examples/one-resource"
  }
}

# Applied, and destroyed by the end of the test.
run "not_protected" {
  variables {
    name    = "echo-test"
    protect = false
  }

  assert {
    condition     = !output.protected
    error_message = "What is switched off must not protect."
  }
}

run "refuses_a_name_that_a_shell_would_read" {
  command = plan
  variables {
    name = "$(echo)"
  }
  expect_failures = [var.name]
}
