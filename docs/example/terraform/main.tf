# A small stack on a Nimbo cloud: a network with a router, two servers, a volume and a floating IP.
# OS_CLIENT_CONFIG_FILE names the cloud's clouds.yaml.
terraform {
  required_providers {
    openstack = {
      source = "terraform-provider-openstack/openstack"
    }
  }
}

provider "openstack" {
  cloud = "nimbo-demo"
}

data "openstack_images_image_v2" "tiny" {
  name = "tiny"
}

data "openstack_networking_network_v2" "public" {
  name = "public"
}

resource "openstack_networking_network_v2" "net" {
  name = "tf-net"
}

resource "openstack_networking_subnet_v2" "subnet" {
  name       = "tf-subnet"
  network_id = openstack_networking_network_v2.net.id
  cidr       = "10.50.0.0/24"
}

resource "openstack_networking_router_v2" "router" {
  name                = "tf-router"
  external_network_id = data.openstack_networking_network_v2.public.id
}

resource "openstack_networking_router_interface_v2" "inside" {
  router_id = openstack_networking_router_v2.router.id
  subnet_id = openstack_networking_subnet_v2.subnet.id
}

resource "openstack_networking_secgroup_v2" "ssh" {
  name = "tf-ssh"
}

resource "openstack_networking_secgroup_rule_v2" "ssh" {
  security_group_id = openstack_networking_secgroup_v2.ssh.id
  direction         = "ingress"
  ethertype         = "IPv4"
  protocol          = "tcp"
  port_range_min    = 22
  port_range_max    = 22
}

resource "openstack_compute_keypair_v2" "key" {
  name = "tf-key"
}

resource "openstack_networking_port_v2" "port" {
  count              = 2
  name               = "tf-port-${count.index}"
  network_id         = openstack_networking_network_v2.net.id
  security_group_ids = [openstack_networking_secgroup_v2.ssh.id]
  fixed_ip {
    subnet_id = openstack_networking_subnet_v2.subnet.id
  }
}

resource "openstack_compute_instance_v2" "server" {
  count       = 2
  name        = "tf-server-${count.index}"
  image_id    = data.openstack_images_image_v2.tiny.id
  flavor_name = "m1.tiny"
  key_pair    = openstack_compute_keypair_v2.key.name
  metadata    = { stage = "test" }
  network {
    port = openstack_networking_port_v2.port[count.index].id
  }
}

resource "openstack_blockstorage_volume_v3" "disk" {
  name = "tf-disk"
  size = 1
}

resource "openstack_compute_volume_attach_v2" "disk" {
  instance_id = openstack_compute_instance_v2.server[0].id
  volume_id   = openstack_blockstorage_volume_v3.disk.id
}

resource "openstack_networking_floatingip_v2" "address" {
  pool       = "public"
  port_id    = openstack_networking_port_v2.port[0].id
  depends_on = [openstack_networking_router_interface_v2.inside]
}

output "address" {
  value = openstack_networking_floatingip_v2.address.address
}
