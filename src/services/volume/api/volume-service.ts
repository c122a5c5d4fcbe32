// Services, hosts and their room, and the availability zone.
import { route } from '../app.ts'
import { deleteVolumeHost, listPools, listServices, switchService } from '../ops/volume-service.ts'
import { inMicroseconds } from '../resources/time.ts'
import {
  serviceNamed,
  serviceReason,
  serviceRules,
  serviceView,
  type VolumeService,
} from '../resources/volume-service.ts'

const switched = (row: VolumeService) => ({
  disabled: row.disabled,
  status: row.disabled ? 'disabled' : 'enabled',
  host: row.host,
  service: '',
  binary: row.binary,
})

export const volumeServiceRoutes = [
  route('GET', '/os-services', {
    policy: serviceRules.list,
    handle: async (context, { query }) => ({
      services: (await listServices(context, query)).map((row) => serviceView(row, context)),
    }),
  }),
  route('PUT', '/os-services/enable', {
    policy: serviceRules.update,
    body: serviceNamed,
    handle: async (context, { body }) => ({
      ...switched(await switchService(context, body, false)),
      disabled_reason: null,
    }),
  }),
  route('PUT', '/os-services/disable', {
    policy: serviceRules.update,
    body: serviceNamed,
    handle: async (context, { body }) => switched(await switchService(context, body, true)),
  }),
  route('PUT', '/os-services/disable-log-reason', {
    policy: serviceRules.update,
    body: serviceReason,
    handle: async (context, { body }) => ({
      ...switched(await switchService(context, body, true)),
      disabled_reason: body.disabledReason,
    }),
  }),
  // Cinder has no call for it, only a command on its own machine.
  route('DELETE', '/os-services/:host', {
    policy: serviceRules.delete,
    handle: async (context, { params }) => deleteVolumeHost(context, params.host!),
  }),
  route('GET', '/os-hosts', {
    policy: serviceRules.hosts,
    handle: async (context, { query }) => ({
      hosts: (await listServices(context, query)).map((row) => ({
        'service-status': row.up ? 'available' : 'unavailable',
        service: row.binary,
        zone: row.zone,
        'service-state': row.disabled ? 'disabled' : 'enabled',
        host_name: row.host,
        'last-update': inMicroseconds(row.seenAt),
      })),
    }),
  }),
  route('GET', '/scheduler-stats/get_pools', {
    policy: serviceRules.pools,
    handle: async (context, { query }) => {
      const detail = query.get('detail')?.toLowerCase() === 'true'
      return {
        pools: (await listPools(context)).map(({ service, promisedGib, volumes }) => {
          const backend = service.host.split('@')[1]
          const name = `${service.host}#${backend}`
          if (!detail) return { name }
          return {
            name,
            capabilities: {
              timestamp: inMicroseconds(service.seenAt),
              volume_backend_name: backend,
              vendor_name: 'Nimbo',
              driver_version: '1.0',
              storage_protocol: 'file',
              total_capacity_gb: service.totalGib,
              free_capacity_gb: service.freeGib,
              allocated_capacity_gb: promisedGib,
              provisioned_capacity_gb: promisedGib,
              total_volumes: volumes,
              reserved_percentage: 0,
              thin_provisioning_support: true,
              max_over_subscription_ratio: String(context.app.config.maxOverSubscriptionRatio),
              multiattach: true,
              QoS_support: false,
            },
          }
        }),
      }
    },
  }),
  route('GET', '/os-availability-zone', {
    policy: 'token',
    handle: async ({ app }) => ({
      availabilityZoneInfo: [{ zoneName: app.config.availabilityZone, zoneState: { available: true } }],
    }),
  }),
]
