// Each body of each service says what it takes: what its schema leaves open, no bad input can be made for, so that every such
// place is named here with its reason.
import { expect, test } from 'vitest'
import { version } from '#kit/http/version.ts'
import { declaredServices } from '#main/declared.ts'
import type { Schema } from './mutation.ts'
import { type AnyRoute, keyOf } from './route.ts'

const metadefValue = "a property's own choices and default, which are of whatever type it declares"
const ignored = 'whatever stands beside the name of the action counts for nothing, as in Nova and Cinder'

/** By service and the end of the place's path. */
const open: Readonly<Record<string, string>> = {
  'identity config': 'which options a domain may set is the op to say: an unknown one is 403, as in Keystone',
  'image 0.value': 'of an operation on any property; judged by the property that it changes',
  'image enum.0': metadefValue,
  'image default': metadefValue,
  'image input.*': 'of a task of any type; judged by the type',
  'compute no_device': 'any value that is not empty, as in Nova',
  'compute os-start': ignored,
  'compute os-stop': ignored,
  'compute pause': ignored,
  'compute unpause': ignored,
  'compute unlock': ignored,
  'compute forceDelete': ignored,
  'network binding:profile': 'for drivers of hosts, who alone know what is in it',
  'network quota.project_id': 'the path says whose quota it is',
  'network quota.tenant_id': 'the path says whose quota it is',
  'volume connector': 'for drivers of volumes, who alone know what is in it',
  'volume os-complete': ignored,
}

type Node = Schema & { additionalProperties?: boolean | Schema }

/** The ends of all paths at which anything goes. */
function openPlaces(schema: Node, path: readonly string[] = []): string[][] {
  const branches = schema.anyOf ?? schema.oneOf
  if (branches) return branches.flatMap((branch) => openPlaces(branch, path))
  if (schema.enum || 'const' in schema) return []
  if (schema.type === 'array') return schema.items ? openPlaces(schema.items, [...path, '0']) : [[...path]]
  if (schema.type !== 'object') return schema.type === undefined ? [[...path]] : []
  const { properties = {}, patternProperties = {}, additionalProperties, maxProperties } = schema
  const members = Object.entries(properties)
  const others = Object.values(patternProperties)
  if (typeof additionalProperties === 'object') others.push(additionalProperties)
  if (members.length + others.length === 0 && additionalProperties !== false && maxProperties !== 0)
    return [[...path]]
  return [
    ...members.flatMap(([key, inner]) => openPlaces(inner, [...path, key])),
    ...others.flatMap((inner) => openPlaces(inner, [...path, '*'])),
  ]
}

const bodyOf = ({ body, until }: AnyRoute): Node | undefined =>
  body === undefined || body === 'stream' ? undefined : (body.schemaAt(version(until ?? '9.999')) as Node)

test('what bodies leave open is known, with its reason', async () => {
  const found = new Set<string>()
  const unknown: string[] = []
  let bodies = 0
  for (const [service, load] of Object.entries(declaredServices))
    for (const route of (await load()).routes as readonly AnyRoute[]) {
      const schema = bodyOf(route)
      if (!schema) continue
      bodies++
      for (const place of openPlaces(schema)) {
        const whole = `.${place.join('.')}`
        const name = Object.keys(open).find((each) => {
          const [of, end] = each.split(' ')
          return of === service && whole.endsWith(`.${end}`)
        })
        if (name) found.add(name)
        else unknown.push(`${service} ${keyOf(route)}: ${place.join('.')}`)
      }
    }
  process.stdout.write(`schemas: ${bodies} bodies, ${found.size} kinds of places left open\n`)
  expect(unknown).toEqual([])
  expect(Object.keys(open).filter((name) => !found.has(name))).toEqual([])
})
