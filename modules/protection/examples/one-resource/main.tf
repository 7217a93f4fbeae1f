# A resource that must stay, and its protection.

resource "terraform_data" "kept" {
  input = "what can not be made again"
}

module "protection" {
  source = "../../"

  name    = "example"
  protect = var.protect

  depends_on = [terraform_data.kept]
}

variable "protect" {
  description = "Whether Terraform refuses a destroy."
  type        = bool
  default     = true
}
