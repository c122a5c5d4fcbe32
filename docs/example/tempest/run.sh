#!/bin/bash
# Runs Tempest (Debian: python3-tempest, python3-openstackclient) against a simulated cloud of its own:
#   NIMBO=path/to/nimbo docs/example/tempest/run.sh [REGEX]
# The exit code is Tempest's; the cloud goes away with the script.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
nimbo=${NIMBO:-$here/../../../nimbo}
tests=${1:-'^tempest\.api\.(identity\.(v3|admin\.v3)|image\.v2)'}
room=$(mktemp -d)
web=

finish() {
  [ -z "$web" ] || kill "$web" 2>/dev/null || true
  "$nimbo" destroy --yes --data "$room/cloud" >/dev/null || true
  rm -rf "$room"
}
trap finish EXIT

mkdir "$room/cloud" "$room/web" "$room/lock"
cp "$here/nimbo.yaml" "$room/cloud/"
"$nimbo" up --sim --hosts 2 --data "$room/cloud" --port-base 21800
head -c 1048576 /dev/urandom >"$room/web/image"
python3 -m http.server 21899 --bind 127.0.0.1 --directory "$room/web" >/dev/null 2>&1 &
web=$!

. "$room/cloud/admin-openrc"
image=$(openstack image list --name tiny -f value -c ID)
alternate=$(openstack image create --public --file "$room/web/image" alternate -f value -c id)
# A second Glance for the tests of images from elsewhere: the same one under another name in the catalog.
openstack service create --name glance_remote image_remote >/dev/null
glance=$(openstack endpoint list --service image --interface public -f value -c URL)
openstack endpoint create --region RegionOne image_remote public "$glance" >/dev/null
export OS_AUTH__ADMIN_PASSWORD=$OS_PASSWORD
export OS_IDENTITY__URI_V3=$OS_AUTH_URL
export OS_IMAGE__HTTP_IMAGE=http://127.0.0.1:21899/image
export OS_IMAGE__ALTERNATE_IMAGE_ENDPOINT=image_remote
export OS_COMPUTE__IMAGE_REF=$image OS_COMPUTE__IMAGE_REF_ALT=$alternate
OS_COMPUTE__FLAVOR_REF=$(openstack flavor show m1.tiny -f value -c id)
OS_COMPUTE__FLAVOR_REF_ALT=$(openstack flavor show m1.small -f value -c id)
OS_NETWORK__PUBLIC_NETWORK_ID=$(openstack network show public -f value -c id)
export OS_COMPUTE__FLAVOR_REF OS_COMPUTE__FLAVOR_REF_ALT OS_NETWORK__PUBLIC_NETWORK_ID
export OS_OSLO_CONCURRENCY__LOCK_PATH=$room/lock
# Tempest has a cloud of its own to talk to, not the one of the shell's variables.
unset OS_AUTH_URL OS_USERNAME OS_PASSWORD OS_PROJECT_NAME OS_USER_DOMAIN_NAME OS_PROJECT_DOMAIN_NAME OS_REGION_NAME OS_IDENTITY_API_VERSION

tempest init --workspace-path "$room/workspaces.yaml" "$room/tempest" >/dev/null 2>&1
cd "$room/tempest"
cp "$here/tempest.conf" etc/tempest.conf
tempest run --concurrency 2 --regex "$tests"
