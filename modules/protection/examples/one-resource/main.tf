# Something that must not go, and what keeps it.

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
  description = "Whether a destroy is refused."
  type        = bool
  default     = true
}
