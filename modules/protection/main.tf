# Terraform destroys in the opposite order of dependencies, so that what depends on everything goes first. That is this resource: if its
# destroy fails, nothing else has been touched. `prevent_destroy` can not do it: it takes no
# variable, and would refuse to be switched off too.
resource "terraform_data" "main" {
  # What was applied, which is what a destroy looks at: it may not be what is written by then.
  input = { name = var.name, protect = var.protect }

  provisioner "local-exec" {
    when        = destroy
    quiet       = true
    interpreter = ["sh", "-c"]
    command     = "test \"$PROTECT\" = false || { echo \"$NAME is protected, and nothing was destroyed: write protect = false, apply, and destroy then.\" >&2; exit 1; }"

    environment = {
      NAME    = self.output.name
      PROTECT = self.output.protect
    }
  }
}
