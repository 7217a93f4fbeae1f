# Terraform destroys in reverse order of dependencies, so a resource that depends on everything goes first. If its
# destroy fails, Terraform has touched no other resource. `prevent_destroy` is no alternative: it accepts no variable,
# so no apply could switch it off.
resource "terraform_data" "main" {
  # A destroy reads the last applied value, not the value in the code.
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
