// The boot of a server as 29 steps under four phases (rows 49-77 and 80), each with the events that show it.
// Newer steps that the 29 do not know (placement, the conductor's task) stand under those they belong to.
import type { EventKind } from '#kit/journal/journal.ts'

export type Pattern = {
  services: readonly string[]
  kinds: readonly EventKind[]
  name: RegExp
  /** Only events that came out of this step's: the same service is asked the same thing at other places too. */
  within?: number
}

export type Substep = Pattern & {
  title: string
  /** Shown as missing where there is no such event; the others are left out then. */
  required?: boolean
  /** One line for each event's name, told apart by what follows its first dot. */
  each?: true
}

export type BootStep = Pattern & {
  number: number
  title: string
  /** Where the event of that step says that its answer was kept from before, this one did not happen. */
  unlessCached?: number
  /** The step whose event says `needed: false` where the server has no use for this one. */
  unlessNeeded?: number
  substeps?: readonly Substep[]
}

export type BootPhase = { name: string; steps: readonly BootStep[] }

const image = /^GET \/v2\/images\/:[^/]+$/
const ports = /^GET \/v2\.0\/ports(\/:[^/]+)?$/
const attachments = /^(GET|PUT|POST) \/v3(\/[^/]+)?\/attachments(\/:[^/]+)?$/
/** Both spellings of a method are the same method. */
const select = /^scheduler\.select_?destinations$/i
const serverGet = /^conductor\.server_?get$/i
const build = /^compute\.build$/
const validate = /^token\.validate$/

/** Controllers' parts of nova; which of them sends depends on where the conductor's task runs. */
const senders = ['nova-api', 'nova-conductor', 'nova-scheduler']
const ownToken: Substep = {
  title: "gets the service user's token",
  services: ['nova-compute'],
  kinds: ['rest'],
  name: /^POST \/v3\/auth\/tokens$/,
  within: 13,
}

export const bootPhases: readonly BootPhase[] = [
  {
    name: 'Keystone authentication',
    steps: [
      {
        number: 1,
        title: 'client asks for a token',
        services: ['keystone'],
        kinds: ['request'],
        name: /^POST \/v3\/auth\/tokens$/,
      },
      {
        number: 2,
        title: 'keystone makes the token',
        services: ['keystone'],
        kinds: ['token'],
        name: /^token\.issue$/,
      },
    ],
  },
  {
    name: 'Inside Nova',
    steps: [
      {
        number: 3,
        title: 'client posts the server',
        services: ['nova-api'],
        kinds: ['request'],
        name: /^POST \/v2\.1\/servers$/,
      },
      {
        number: 4,
        title: 'nova-api asks whether the token is valid',
        services: ['nova-api'],
        kinds: ['rest', 'token'],
        name: validate,
        within: 3,
      },
      {
        number: 5,
        title: 'keystone answers with validity and roles',
        services: ['keystone'],
        kinds: ['token'],
        name: /^token\.validated$/,
        within: 4,
        unlessCached: 4,
      },
      {
        number: 6,
        title: 'nova-api reads quota and flavor in its database',
        services: ['nova-api'],
        kinds: ['db'],
        name: /^server\.quota$/,
      },
      {
        number: 7,
        title: "the server's first record is written",
        services: ['nova-api'],
        kinds: ['db'],
        name: /^server\.insert$/,
      },
      {
        number: 8,
        title: 'the scheduler is asked for a host',
        services: senders,
        kinds: ['rpc.call'],
        name: select,
        substeps: [
          {
            title: 'the conductor takes the task',
            services: senders,
            kinds: ['task'],
            name: /^server-create\.(select|schedule)/,
            each: true,
          },
        ],
      },
      {
        number: 9,
        title: 'the scheduler takes the request',
        services: ['nova-scheduler'],
        kinds: ['rpc.consume'],
        name: select,
        within: 8,
      },
      {
        number: 10,
        title: 'the scheduler filters and weighs hosts',
        services: ['nova-scheduler'],
        kinds: ['decision'],
        name: /^scheduler\.filter$/,
        within: 9,
        substeps: [
          {
            title: 'placement names candidates',
            services: ['nova-scheduler'],
            kinds: ['rest'],
            name: /^GET \/allocation_candidates$/,
            within: 9,
            required: true,
          },
        ],
      },
      {
        number: 11,
        title: 'the chosen host is written',
        services: ['nova-scheduler'],
        kinds: ['db'],
        name: /^server\.host$/,
        within: 9,
        substeps: [
          {
            title: 'placement takes the claim',
            services: ['nova-scheduler'],
            kinds: ['rest'],
            name: /^PUT \/allocations\/:[^/]+$/,
            within: 9,
            required: true,
          },
        ],
      },
      {
        number: 12,
        title: 'the build is sent to the host',
        services: senders,
        kinds: ['rpc.cast'],
        name: build,
        substeps: [
          {
            title: 'the conductor prepares',
            services: senders,
            kinds: ['task'],
            name: /^server-create\.(?!select|schedule|settle|finish)/,
            each: true,
          },
          {
            title: 'the network says that ports are plugged',
            services: ['nova-api'],
            kinds: ['request'],
            name: /^POST \/v2\.1\/os-server-external-events$/,
          },
        ],
      },
      {
        number: 13,
        title: 'nova-compute takes the message',
        services: ['nova-compute'],
        kinds: ['rpc.consume'],
        name: build,
        within: 12,
      },
      {
        number: 14,
        title: 'nova-compute asks the conductor for the server',
        services: ['nova-compute'],
        kinds: ['rpc.call'],
        name: serverGet,
        within: 13,
      },
      {
        number: 15,
        title: 'the conductor takes the message',
        services: ['nova-conductor'],
        kinds: ['rpc.consume'],
        name: serverGet,
        within: 14,
      },
      {
        number: 16,
        title: 'the conductor looks the server up',
        services: ['nova-conductor'],
        kinds: ['db'],
        name: /^server\.lookup$/,
        within: 14,
      },
      {
        number: 17,
        title: 'the conductor gets it from the database',
        services: ['nova-conductor'],
        kinds: ['db'],
        name: /^server\.read$/,
        within: 14,
      },
      {
        number: 18,
        title: 'the conductor sends it back',
        services: ['nova-conductor'],
        kinds: ['rpc.reply'],
        name: serverGet,
        within: 14,
      },
      {
        number: 19,
        title: 'nova-compute takes the reply',
        services: ['nova-compute'],
        kinds: ['rpc.result'],
        name: serverGet,
        within: 13,
      },
    ],
  },
  {
    name: 'Nova with other components',
    steps: [
      {
        number: 20,
        title: 'nova-compute asks glance for the image',
        services: ['nova-compute'],
        kinds: ['rest'],
        name: image,
        within: 13,
        unlessNeeded: 22,
        substeps: [ownToken],
      },
      {
        number: 21,
        title: 'glance validates the token',
        services: ['glance-api'],
        kinds: ['rest', 'token'],
        name: validate,
        within: 20,
        unlessNeeded: 22,
      },
      {
        number: 22,
        title: 'nova-compute has the image information',
        services: ['nova-compute'],
        kinds: ['driver', 'decision'],
        name: /^image\.info$/,
        within: 13,
        unlessNeeded: 22,
      },
      {
        number: 23,
        title: 'nova-compute asks neutron for the network',
        services: ['nova-compute'],
        kinds: ['rest'],
        name: ports,
        within: 13,
        unlessNeeded: 25,
      },
      {
        number: 24,
        title: 'neutron validates the token',
        services: ['neutron-server'],
        kinds: ['rest', 'token'],
        name: validate,
        within: 23,
        unlessNeeded: 25,
      },
      {
        number: 25,
        title: 'nova-compute has port, MAC and fixed IP',
        services: ['nova-compute'],
        kinds: ['driver', 'decision'],
        name: /^network\.info$/,
        within: 13,
        unlessNeeded: 25,
      },
      {
        number: 26,
        title: 'nova-compute asks cinder for the volume',
        services: ['nova-compute'],
        kinds: ['rest'],
        name: attachments,
        within: 13,
        unlessNeeded: 28,
      },
      {
        number: 27,
        title: 'cinder validates the token',
        services: ['cinder-api'],
        kinds: ['rest', 'token'],
        name: validate,
        within: 26,
        unlessNeeded: 28,
      },
      {
        number: 28,
        title: "nova-compute has the volume's connection",
        services: ['nova-compute'],
        kinds: ['driver', 'decision'],
        name: /^volume\.info$/,
        within: 13,
        unlessNeeded: 28,
      },
    ],
  },
  {
    name: 'Execution',
    steps: [
      {
        number: 29,
        title: 'the virtualisation driver makes and runs the guest',
        services: ['nova-compute'],
        kinds: ['driver'],
        name: /^virt\.create$/,
        within: 13,
        substeps: [
          {
            title: 'the driver',
            services: ['nova-compute'],
            kinds: ['driver'],
            // What drivers report of their work: image.fetch, image.convert, disk.create, guest.start.
            name: /^virt\.\w+\.\w+$/,
            within: 29,
            each: true,
          },
          {
            title: 'the conductor settles',
            services: senders,
            kinds: ['task'],
            name: /^server-create\.(settle|finish)/,
            each: true,
          },
        ],
      },
    ],
  },
]
