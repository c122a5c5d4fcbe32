// The options of dnsmasq's option file, and what a guest gets of them by its tags.
import type { CardRoute, DhcpReply } from '#contracts/simulated-card.ts'

/** `name` is dnsmasq's name of an option or its number. */
export type DhcpOptions = { tags: string[]; name: string; values: string[] }[]
type Told = Pick<DhcpReply, 'routers' | 'classlessRoutes' | 'dnsServers' | 'mtu'>

/** Names and numbers of the same option (RFC 2132, 3442). */
const numbers: Record<string, string> = {
  '3': 'router',
  '6': 'dns-server',
  '26': 'mtu',
  '121': 'classless-static-route',
}

/** 'tag:subnet-1,option:router,10.0.0.1' a line; those of DHCPv6 are left out. */
export function readOptions(text: string): DhcpOptions {
  return text.split('\n').flatMap((line) => {
    const words = line.trim().split(',')
    const tags = words.filter((word) => word.startsWith('tag:')).map((word) => word.slice(4))
    const [name, ...values] = words.filter((word) => !word.startsWith('tag:'))
    if (!name || name.startsWith('option6:')) return []
    const plain = name.replace(/^option:/, '')
    return [{ tags, name: numbers[plain] ?? plain, values }]
  })
}

/** All tags of an option must be the guest's; of several that are, the one with most of them is taken. */
export function replyOptions(options: DhcpOptions, tags: readonly string[], server: string): Told {
  const values = (name: string): string[] | undefined =>
    options
      .filter((option) => option.name === name && option.tags.every((tag) => tags.includes(tag)))
      .toSorted((a, b) => b.tags.length - a.tags.length)[0]?.values
  const mtu = Number(values('mtu')?.[0])
  return {
    // Without the option dnsmasq names itself; with an empty one it names nobody.
    routers: values('router') ?? [server],
    classlessRoutes: pairs(values('classless-static-route') ?? []),
    dnsServers: values('dns-server') ?? [server],
    ...(Number.isInteger(mtu) && mtu > 0 && { mtu }),
  }
}

function pairs(words: readonly string[]): CardRoute[] {
  const routes: CardRoute[] = []
  for (let at = 0; at + 1 < words.length; at += 2)
    routes.push({ to: words[at]!, via: words[at + 1] === '0.0.0.0' ? null : words[at + 1]! })
  return routes
}
