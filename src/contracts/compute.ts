// The bus inside compute: API and conductor ask the scheduler, the conductor orders hosts, hosts ask the conductor.
// Hosts have no database (row 83): all that they know of a server comes from `conductor.serverGet`.
import { Type } from 'typebox'
import { call, cast, contract, hostContract } from '#kit/bus/contract.ts'
import {
  DesiredPowerSchema,
  Host,
  HostReportSchema,
  Id,
  nullable,
  PowerSchema,
  ServerOrderSchema,
} from './compute-server.ts'
import { InstanceFactsSchema } from './instance-facts.ts'

export * from './compute-server.ts'

/** Served by the scheduler role. */
export const scheduler = contract('nova', 'scheduler', '1.0', {
  /**
   * Chooses a host, claims it in placement under the server's id and writes it to the server's row. Asked again for
   * the same server it gives the same host. NoValidHost is a 'conflict' of type 'NoValidHost'.
   */
  selectDestinations: call(
    Type.Object({
      serverId: Id,
      /** Hosts that were tried and failed. */
      exclude: Type.Array(Host),
    }),
    Type.Object({ host: Host, node: Host, providerId: Id }),
  ),
})

const operation = Type.Object({
  serverId: Id,
  /** Made by the task that waits for it; a repeated one is done once. */
  operationId: Id,
  generation: Type.Integer(),
})

/** Served by each host's compute agent; every cast ends in `conductor.operationDone`. */
export const compute = hostContract('nova', 'compute', '1.1', {
  build: cast(operation),
  start: cast(operation),
  stop: cast(operation),
  pause: cast(operation),
  unpause: cast(operation),
  reboot: cast(
    Type.Object({ ...operation.properties, kind: Type.Union([Type.Literal('soft'), Type.Literal('hard')]) }),
  ),
  destroy: cast(operation),
  attachVolume: cast(Type.Object({ ...operation.properties, volumeId: Id })),
  detachVolume: cast(Type.Object({ ...operation.properties, volumeId: Id })),
  attachInterface: cast(Type.Object({ ...operation.properties, portId: Id })),
  detachInterface: cast(Type.Object({ ...operation.properties, portId: Id })),
  /** The last `lines` lines of the serial console, all of what is kept without. */
  consoleOutput: call(
    Type.Object({ serverId: Id, lines: nullable(Type.Integer({ minimum: 0 })) }),
    Type.Object({ output: Type.String() }),
  ),
  /** Opens the guest's screen for one connection: the ticket is sent first, on a line of its own; then RFB both ways. */
  openConsole: call(
    Type.Object({ serverId: Id, kind: Type.Union([Type.Literal('novnc'), Type.Literal('serial')]) }),
    Type.Object({
      host: Type.String(),
      port: Type.Integer(),
      ticket: Type.String(),
      /** The door speaks TLS, with a certificate of the host's name. */
      secure: Type.Optional(Type.Boolean()),
    }),
  ),
  /** Look at everything again: the host's list of servers has changed in a way no operation tells. */
  lookAgain: cast(Type.Object({})),
})

/** Served by the conductor role. */
export const conductor = contract('nova', 'conductor', '1.4', {
  /** Null where the server is gone or belongs to another host. */
  serverGet: call(
    Type.Object({ host: Host, serverId: Id }),
    Type.Object({ server: nullable(ServerOrderSchema) }),
  ),
  /** All servers that this host should have, those being deleted left out. */
  hostServers: call(
    Type.Object({ host: Host }),
    Type.Object({
      servers: Type.Array(
        Type.Object({
          id: Id,
          generation: Type.Integer(),
          desiredPower: DesiredPowerSchema,
          building: Type.Boolean(),
          /** Its cards and disks. Absent from a conductor before 1.4: then nothing is known of them. */
          portIds: Type.Optional(Type.Array(Id)),
          /** `settled` while it is neither being attached nor detached. */
          volumes: Type.Optional(Type.Array(Type.Object({ volumeId: Id, settled: Type.Boolean() }))),
        }),
      ),
    }),
    { routine: true },
  ),
  /**
   * Whether somebody still waits for the operation. Asked for an order that the bus brings again: a broker that lost its
   * power may bring one that was carried out long ago.
   */
  orderWanted: call(
    Type.Object({ host: Host, serverId: Id, operationId: Id }),
    Type.Object({ wanted: Type.Boolean() }),
  ),
  /** The end of an operation. `error` is a sentence for the server's fault. */
  operationDone: call(
    Type.Object({
      host: Host,
      serverId: Id,
      operationId: Id,
      ok: Type.Boolean(),
      error: nullable(Type.String()),
      power: nullable(PowerSchema),
    }),
    Type.Object({ accepted: Type.Boolean() }),
  ),
  /** The guest's power changed without an order (rows 87, 107). */
  powerChanged: cast(
    Type.Object({ host: Host, serverId: Id, power: PowerSchema, at: Type.Integer(), reason: Type.String() }),
  ),
  /**
   * What a guest may learn about itself, for the metadata service and, with their own name, for hosts that build a config
   * drive; null where the server is gone or, asked by a host, is on another.
   */
  metadataGet: call(
    Type.Object({ host: Type.Optional(Host), serverId: Id }),
    Type.Object({ facts: nullable(InstanceFactsSchema) }),
  ),
  /** Keeps the encrypted password that a guest posts, once: `accepted` is false where there is one already. */
  metadataPassword: call(
    Type.Object({ serverId: Id, password: Type.String({ maxLength: 1020 }) }),
    Type.Object({ accepted: Type.Boolean() }),
  ),
  /** The heart-beat of a compute host, every 10 s and at once after a start. */
  hostReport: call(HostReportSchema, Type.Object({ accepted: Type.Boolean() }), { routine: true }),
  /**
   * Redeems a console token: it holds once. The host has opened the guest's screen for one connection, which begins with
   * the ticket on a line of its own. Null where the token is unknown, used or expired.
   */
  consoleAuthorize: call(
    Type.Object({ token: Type.String({ minLength: 1, maxLength: 255 }) }),
    Type.Object({
      console: nullable(
        Type.Object({
          serverId: Id,
          host: Type.String(),
          port: Type.Integer(),
          ticket: Type.String(),
          /** The name that the door's certificate must have; null where it speaks no TLS. */
          serverName: nullable(Type.String()),
        }),
      ),
    }),
  ),
})
