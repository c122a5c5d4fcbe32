// What an account may do on a MariaDB, from its own and its role's grants as information_schema shows them.

export type Grant = {
  /** Of databases, as GRANT takes it: 'nimbo\_%'; '%' is all. */
  readonly pattern: string
  /** 'CREATE' */
  readonly right: string
}

/** What migrations and stores do; nobody has to give more. */
const needed = ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'CREATE', 'DROP', 'ALTER', 'INDEX']

/** As the account is logged in. */
export async function readGrants(
  ask: (text: string) => Promise<Record<string, unknown>[]>,
): Promise<Grant[]> {
  const [me] = await ask(
    `select concat('''', replace(current_user(), '@', '''@'''), '''') as account, current_role() as role`,
  )
  const given = await ask(
    `select grantee, '%' as pattern, privilege_type as word from information_schema.user_privileges
     union all select grantee, table_schema, privilege_type from information_schema.schema_privileges`,
  )
  const mine = [String(me!.account), ...(me!.role ? [`'${me!.role}'@''`, `'${me!.role}'`] : [])]
  return given
    .filter(({ grantee }) => mine.includes(String(grantee)))
    .map(({ pattern, word }) => ({ pattern: String(pattern), right: String(word) }))
}

/** In small letters, of those that are needed. */
export function lackingRights(grants: readonly Grant[], database: string): string[] {
  const rights = new Set(grants.filter(({ pattern }) => matches(pattern, database)).map(({ right }) => right))
  return needed.filter((each) => !rights.has(each)).map((each) => each.toLowerCase())
}

/** `_` is any character and `%` any number of them, unless a backslash is before it. */
function matches(pattern: string, name: string): boolean {
  const parts = pattern.match(/\\?[\s\S]/g) ?? []
  const text = parts
    .map((part) => (part === '_' ? '.' : part === '%' ? '.*' : part.at(-1)!.replace(/[^\w]/, '\\$&')))
    .join('')
  return new RegExp(`^${text}$`, 's').test(name)
}
