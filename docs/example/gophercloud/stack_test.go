// A stack of one server with a floating IP through gophercloud, which Terraform's provider is built on.
// OS_CLIENT_CONFIG_FILE=.../clouds.yaml OS_CLOUD=nimbo-demo go test ./...
package stack

import (
	"strings"
	"testing"

	"github.com/gophercloud/gophercloud"
	"github.com/gophercloud/gophercloud/openstack"
	"github.com/gophercloud/gophercloud/openstack/blockstorage/v3/volumes"
	"github.com/gophercloud/gophercloud/openstack/compute/v2/extensions/volumeattach"
	"github.com/gophercloud/gophercloud/openstack/compute/v2/flavors"
	"github.com/gophercloud/gophercloud/openstack/compute/v2/servers"
	"github.com/gophercloud/gophercloud/openstack/imageservice/v2/images"
	"github.com/gophercloud/gophercloud/openstack/networking/v2/extensions/layer3/floatingips"
	"github.com/gophercloud/gophercloud/openstack/networking/v2/extensions/layer3/routers"
	"github.com/gophercloud/gophercloud/openstack/networking/v2/networks"
	"github.com/gophercloud/gophercloud/openstack/networking/v2/ports"
	"github.com/gophercloud/gophercloud/openstack/networking/v2/subnets"
	"github.com/gophercloud/utils/openstack/clientconfig"
)

func must[T any](t *testing.T) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func TestStack(t *testing.T) {
	login := must[*gophercloud.AuthOptions](t)(clientconfig.AuthOptions(&clientconfig.ClientOpts{}))
	provider := must[*gophercloud.ProviderClient](t)(openstack.AuthenticatedClient(*login))
	client := must[*gophercloud.ServiceClient](t)
	where := gophercloud.EndpointOpts{Region: "RegionOne"}
	compute := client(openstack.NewComputeV2(provider, where))
	network := client(openstack.NewNetworkV2(provider, where))
	volume := client(openstack.NewBlockStorageV3(provider, where))
	image := client(openstack.NewImageServiceV2(provider, where))
	later := func(remove func() error) {
		t.Cleanup(func() {
			if err := remove(); err != nil {
				t.Error(err)
			}
		})
	}

	net := must[*networks.Network](t)(networks.Create(network, networks.CreateOpts{Name: "go-net"}).Extract())
	later(func() error { return networks.Delete(network, net.ID).ExtractErr() })
	subnet := must[*subnets.Subnet](t)(subnets.Create(network, subnets.CreateOpts{
		NetworkID: net.ID, Name: "go-subnet", CIDR: "10.40.0.0/24", IPVersion: gophercloud.IPv4,
	}).Extract())
	publicPages := must[[]networks.Network](t)
	allPublic, err := networks.List(network, networks.ListOpts{Name: "public"}).AllPages()
	if err != nil {
		t.Fatal(err)
	}
	public := publicPages(networks.ExtractNetworks(allPublic))[0]
	router := must[*routers.Router](t)(routers.Create(network, routers.CreateOpts{
		Name: "go-router", GatewayInfo: &routers.GatewayInfo{NetworkID: public.ID},
	}).Extract())
	later(func() error { return routers.Delete(network, router.ID).ExtractErr() })
	if _, err := routers.AddInterface(network, router.ID, routers.AddInterfaceOpts{SubnetID: subnet.ID}).Extract(); err != nil {
		t.Fatal(err)
	}
	later(func() error {
		_, err := routers.RemoveInterface(network, router.ID, routers.RemoveInterfaceOpts{SubnetID: subnet.ID}).Extract()
		return err
	})

	allImages, err := images.List(image, images.ListOpts{Name: "tiny"}).AllPages()
	if err != nil {
		t.Fatal(err)
	}
	tiny := must[[]images.Image](t)(images.ExtractImages(allImages))[0]
	allFlavors, err := flavors.ListDetail(compute, nil).AllPages()
	if err != nil {
		t.Fatal(err)
	}
	flavorID := ""
	for _, each := range must[[]flavors.Flavor](t)(flavors.ExtractFlavors(allFlavors)) {
		if each.Name == "m1.tiny" {
			flavorID = each.ID
		}
	}
	server := must[*servers.Server](t)(servers.Create(compute, servers.CreateOpts{
		Name: "go-server", ImageRef: tiny.ID, FlavorRef: flavorID, Networks: []servers.Network{{UUID: net.ID}},
	}).Extract())
	later(func() error {
		if err := servers.Delete(compute, server.ID).ExtractErr(); err != nil {
			return err
		}
		return gophercloud.WaitFor(60, func() (bool, error) {
			_, err := servers.Get(compute, server.ID).Extract()
			if _, gone := err.(gophercloud.ErrDefault404); gone {
				return true, nil
			}
			return false, err
		})
	})
	if err := servers.WaitForStatus(compute, server.ID, "ACTIVE", 60); err != nil {
		t.Fatal(err)
	}
	if err := gophercloud.WaitFor(60, func() (bool, error) {
		console, err := servers.ShowConsoleOutput(compute, server.ID, servers.ShowConsoleOutputOpts{Length: 200}).Extract()
		return strings.Contains(console, "login:"), err
	}); err != nil {
		t.Fatal(err)
	}

	allPorts, err := ports.List(network, ports.ListOpts{DeviceID: server.ID}).AllPages()
	if err != nil {
		t.Fatal(err)
	}
	port := must[[]ports.Port](t)(ports.ExtractPorts(allPorts))[0]
	address := must[*floatingips.FloatingIP](t)(floatingips.Create(network, floatingips.CreateOpts{
		FloatingNetworkID: public.ID, PortID: port.ID,
	}).Extract())
	later(func() error { return floatingips.Delete(network, address.ID).ExtractErr() })

	disk := must[*volumes.Volume](t)(volumes.Create(volume, volumes.CreateOpts{Size: 1, Name: "go-disk"}).Extract())
	if err := volumes.WaitForStatus(volume, disk.ID, "available", 60); err != nil {
		t.Fatal(err)
	}
	later(func() error { return volumes.Delete(volume, disk.ID, nil).ExtractErr() })
	if _, err := volumeattach.Create(compute, server.ID, volumeattach.CreateOpts{VolumeID: disk.ID}).Extract(); err != nil {
		t.Fatal(err)
	}
	if err := volumes.WaitForStatus(volume, disk.ID, "in-use", 60); err != nil {
		t.Fatal(err)
	}
	if err := volumeattach.Delete(compute, server.ID, disk.ID).ExtractErr(); err != nil {
		t.Fatal(err)
	}
	if err := volumes.WaitForStatus(volume, disk.ID, "available", 60); err != nil {
		t.Fatal(err)
	}
}
