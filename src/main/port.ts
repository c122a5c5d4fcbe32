// Where each part of a cloud listens: OpenStack's usual ports, or a row of ports of one's own so that clouds stand side by side.

/** OpenStack's registered ports; journal (8990), hosts (8991) and simulation (8992, simulated clouds alone) are ours. The order is that of the row behind a port base. */
export const usualPorts = {
  identity: 5000,
  identityAdmin: 35357,
  image: 9292,
  placement: 8778,
  compute: 8774,
  metadata: 8775,
  network: 9696,
  volume: 8776,
  console: 6080,
  journal: 8990,
  amqp: 5672,
  amqpManagement: 15672,
  hosts: 8991,
  amqpTls: 5671,
  simulation: 8992,
} as const

export type PortName = keyof typeof usualPorts
export type Ports = Readonly<Record<PortName, number>>

/** With `base` 0 the usual ports; else `base`, `base + 1` ... in the order above. */
export function portsFrom(base: number): Ports {
  if (base === 0) return usualPorts
  const names = Object.keys(usualPorts) as PortName[]
  return Object.fromEntries(names.map((name, index) => [name, base + index])) as Ports
}
