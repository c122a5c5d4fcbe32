# What a program under test would do, against a cloud of its own: pytest raises it, each test has its stack.
# NIMBO is the path of the launcher, "nimbo" where that is installed.
import os
import subprocess

import openstack
import pytest

NIMBO = os.environ.get("NIMBO", "nimbo")
PORT_BASE = os.environ.get("NIMBO_PORT_BASE", "21800")


@pytest.fixture(scope="session")
def connection(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cloud")
    where = ["--data", str(folder)]
    subprocess.run(
        [NIMBO, "up", "--sim", "--hosts", "3", "--port-base", PORT_BASE, *where], check=True
    )
    os.environ["OS_CLIENT_CONFIG_FILE"] = str(folder / "clouds.yaml")
    yield openstack.connect(cloud="nimbo-demo")
    subprocess.run([NIMBO, "destroy", "--yes", *where], check=True)


@pytest.fixture
def network(connection):
    network = connection.network.create_network(name="sdk-net")
    subnet = connection.network.create_subnet(
        network_id=network.id, ip_version=4, cidr="10.30.0.0/24", name="sdk-subnet"
    )
    public = connection.network.find_network("public")
    router = connection.network.create_router(
        name="sdk-router", external_gateway_info={"network_id": public.id}
    )
    connection.network.add_interface_to_router(router, subnet_id=subnet.id)
    yield network
    connection.network.remove_interface_from_router(router, subnet_id=subnet.id)
    connection.network.delete_router(router)
    connection.network.delete_network(network)


@pytest.fixture
def server(connection, network):
    made = connection.compute.create_server(
        name="sdk-server",
        image_id=connection.image.find_image("tiny").id,
        flavor_id=connection.compute.find_flavor("m1.tiny").id,
        networks=[{"uuid": network.id}],
    )
    # A simulated cloud is quicker than what the SDK waits for between two looks.
    yield connection.compute.wait_for_server(made, interval=0.2)
    connection.compute.delete_server(made)
    connection.compute.wait_for_delete(made, interval=0.2)


def test_a_server_boots_and_reads_its_metadata(connection, server):
    # The guest starts when the server is active.
    for _ in openstack.utils.iterate_timeout(60, "no metadata on the console", wait=0.2):
        console = connection.compute.get_server_console_output(server, length=200)["output"]
        if f"name: {server.name}" in console:
            break


def test_a_server_has_an_address_from_outside(connection, server):
    public = connection.network.find_network("public")
    port = next(connection.network.ports(device_id=server.id))
    address = connection.network.create_ip(floating_network_id=public.id, port_id=port.id)
    addresses = connection.compute.get_server(server).addresses["sdk-net"]
    assert address.floating_ip_address in [each["addr"] for each in addresses]
    connection.network.delete_ip(address)


def test_a_volume_is_attached_and_detached(connection, server):
    volume = connection.create_volume(size=1, name="sdk-disk", wait=True)
    connection.attach_volume(server, volume, wait=True)
    assert connection.get_volume_by_id(volume.id).status == "in-use"
    connection.detach_volume(server, volume, wait=True)
    connection.delete_volume(volume.id, wait=True)
