locals {
  # Memory sizes of Fargate in MiB, by CPU units.
  fargate_memory = {
    256   = [512, 1024, 2048]
    512   = range(1024, 4097, 1024)
    1024  = range(2048, 8193, 1024)
    2048  = range(4096, 16385, 1024)
    4096  = range(8192, 30721, 1024)
    8192  = range(16384, 61441, 4096)
    16384 = range(32768, 122881, 8192)
  }

  # REGISTRY/PATH@sha256:DIGEST, without a tag: a tag can move, and then a rollback would not roll back.
  image_by_digest = "^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*@sha256:[0-9a-f]{64}$"

  role_arn = "^arn:[^:]+:iam::[0-9]{12}:role/.+$"
}
