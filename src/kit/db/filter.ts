// Conditions beyond equality: a callback on Kysely's `where`, with this table's columns in camel case.
import {
  type Compilable,
  type IdentifierNode,
  type KyselyPlugin,
  OperationNodeTransformer,
  type PluginTransformQueryArgs,
  type PluginTransformResultArgs,
  type WhereInterface,
} from 'kysely'
import { checkValues } from './connection.ts'
import type { Query, SqlValue } from './database.ts'
import type { Shape } from './shape.ts'

/** `(q) => q.where('createdAt', '<', limit)`; `(q) => q.where((e) => e.or([e('host', '=', a), e('host', 'is', null)]))`. */
export type Filter<R> = (query: WhereInterface<{ row: R }, 'row'>) => WhereInterface<{ row: R }, 'row'>

const known = new WeakMap<Shape, KyselyPlugin>()

/** Kysely for one table: identifiers in camel case become the database's. */
export function queryInCamelCase(query: Query, shape: Shape): Query {
  let plugin = known.get(shape)
  if (!plugin) {
    plugin = renaming(shape)
    known.set(shape, plugin)
  }
  return query.withPlugin(plugin)
}

/** The statement with the callback's conditions, compiled; `query` is a Kysely select, update or delete. */
export function compileFiltered<R>(
  filter: Filter<R>,
  query: unknown,
): { sql: string; parameters: SqlValue[] } {
  const whole = filter(query as WhereInterface<{ row: R }, 'row'>) as unknown as Compilable
  const { sql, parameters } = whole.compile()
  return { sql, parameters: checkValues(parameters) }
}

function renaming(shape: Shape): KyselyPlugin {
  class Renamer extends OperationNodeTransformer {
    protected override transformIdentifier(node: IdentifierNode): IdentifierNode {
      const column = shape.byName.get(node.name)
      return column ? { kind: 'IdentifierNode', name: column.databaseName } : node
    }
  }
  const renamer = new Renamer()
  return {
    transformQuery: (args: PluginTransformQueryArgs) => renamer.transformNode(args.node, args.queryId),
    transformResult: async (args: PluginTransformResultArgs) => args.result,
  }
}
