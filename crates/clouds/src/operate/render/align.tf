resource "a" "b" {
  name        = "x"
  longer_name = 1
  # comment
  x = 2

  tags = {
    a   = 1
    bcd = 2
  }
  z = 1
  list = [
    1,
    2,
  ]
  after = 3
  block {
    q  = 1
    qq = 2
  }
  heredoc = <<-EOT
    foo = 1
    barbaz = 2
  EOT
  m = merge(var.x, {
    a  = 1
    bb = 2
  })
  single = { a = 1, bb = 2 }
  s      = 1 # comment one
  longer = 2 # comment two
  cond   = a ? b : c
  jsonv = jsonencode({
    Version = "1"
    St = [{
      A   = 1
      BBB = 2
    }]
  })
  obj = {
    "a:b"   = 1
    c       = 2
    (var.x) = 3
    d : 4
  }
}

locals {
  url      = "https://${var.host}:${var.port}/" # where it is
  encoded  = jsonencode({ a = "}", bb = "${lookup(var.m, "x = 1", "{")}" })
  is_equal = var.a == var.b
  not      = var.a != var.b
  text     = <<-EOT
    x = 1
    longer = 2
  EOT
  map      = { for key, value in var.m : key => value }
  é        = 1
  aaa      = "$${literal} %%{if}"
  bare     = ""
}
