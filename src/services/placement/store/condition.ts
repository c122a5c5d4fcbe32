// Conditions on a provider as SQL: room for an amount, traits, aggregates. Each is an `exists` over an index, correlated
// with the provider's id by `uuid`, the name of a column of the query around it.
import type { ConditionBuilder as Build, SqlCondition as Condition } from '#kit/db/database.ts'

export type { ConditionBuilder as Build } from '#kit/db/database.ts'

/** Room for `amount` of a class. */
export function hasRoom(e: Build, uuid: string, resourceClass: string, amount: number): Condition {
  return e.exists(
    e
      .selectFrom('inventory as room')
      .select('room.provider_uuid')
      .whereRef('room.provider_uuid', '=', uuid)
      .where('room.resource_class', '=', resourceClass)
      .where('room.min_unit', '<=', amount)
      .where('room.max_unit', '>=', amount)
      .where((inner: Build) => inner('room.used', '<=', inner('room.capacity', '-', amount)))
      .where((inner: Build) => inner(inner(inner.val(amount), '%', inner.ref('room.step_size')), '=', 0)),
  )
}

/** One of `names` at least. */
function hasTrait(e: Build, uuid: string, names: readonly string[]): Condition {
  return e.exists(
    e
      .selectFrom('resource_provider_trait as mark')
      .select('mark.provider_uuid')
      .whereRef('mark.provider_uuid', '=', uuid)
      .where('mark.trait', 'in', names),
  )
}

/** In one of the aggregates at least. */
function isMember(e: Build, uuid: string, aggregates: readonly string[]): Condition {
  return e.exists(
    e
      .selectFrom('resource_provider_aggregate as member')
      .select('member.provider_uuid')
      .whereRef('member.provider_uuid', '=', uuid)
      .where('member.aggregate_uuid', 'in', aggregates),
  )
}

export type Marks = {
  required: readonly (readonly string[])[]
  forbidden: readonly string[]
  memberOf: readonly (readonly string[])[]
  notMemberOf: readonly string[]
}

/** The provider's own traits and aggregates are as wished. */
export function isMarked(e: Build, uuid: string, wish: Marks): Condition[] {
  return [
    ...wish.required.map((names) => hasTrait(e, uuid, names)),
    ...(wish.forbidden.length > 0 ? [e.not(hasTrait(e, uuid, wish.forbidden))] : []),
    ...wish.memberOf.map((aggregates) => isMember(e, uuid, aggregates)),
    ...(wish.notMemberOf.length > 0 ? [e.not(isMember(e, uuid, wish.notMemberOf))] : []),
  ]
}
