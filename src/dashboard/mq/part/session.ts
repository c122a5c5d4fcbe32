// Who is logged in, for this tab alone and no longer than it lives; and requests in that name.

const kept = 'nimbo-mq'

export type Session = { user: string; authorization: string }

export class ApiError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

export function currentSession(): Session | undefined {
  const text = sessionStorage.getItem(kept)
  return text === null ? undefined : (JSON.parse(text) as Session)
}

export function endSession(): void {
  sessionStorage.removeItem(kept)
}

/** Rejects with status 401 where the broker doesn't let them in. */
export async function logIn(user: string, password: string): Promise<Session> {
  const bytes = new TextEncoder().encode(`${user}:${password}`)
  const session = { user, authorization: `Basic ${btoa(String.fromCharCode(...bytes))}` }
  await request(session, 'GET', 'whoami')
  sessionStorage.setItem(kept, JSON.stringify(session))
  return session
}

/** Paths are below /api/. `undefined` for answers without a body. */
async function request<T>(
  session: Session,
  method: string,
  path: string,
  body?: unknown,
  reason?: string,
): Promise<T> {
  const response = await fetch(`api/${path}`, {
    method,
    // The browser's own login stays out of it: it would ask with its own window on every 401.
    credentials: 'omit',
    cache: 'no-store',
    headers: {
      authorization: session.authorization,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      // Header values are Latin-1.
      ...(reason && { 'x-reason': reason.replace(/[^\u0020-\u007e]/g, '?') }),
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  })
  const text = await response.text()
  if (!response.ok) throw new ApiError(response.status, reasonIn(text) ?? `HTTP ${response.status}`)
  return (text === '' ? undefined : JSON.parse(text)) as T
}

function reasonIn(text: string): string | undefined {
  try {
    const { reason, error } = JSON.parse(text) as { reason?: unknown; error?: unknown }
    const said = reason ?? error
    if (said === undefined) return undefined
    // RabbitMQ escapes some of its reasons for HTML.
    return (typeof said === 'string' ? said : JSON.stringify(said))
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&quot;', '"')
      .replaceAll('&amp;', '&')
      .trim()
  } catch {
    // Not JSON: then the status has to do.
    return undefined
  }
}

export type Api = {
  get<T>(path: string): Promise<T>
  put(path: string, body: unknown): Promise<void>
  post<T>(path: string, body: unknown): Promise<T>
  remove(path: string, reason?: string): Promise<void>
}

/** `refused` is called when the broker doesn't know the user any more. */
export function apiOf(session: Session, refused: () => void): Api {
  const ask = async <T>(method: string, path: string, body?: unknown, reason?: string): Promise<T> => {
    try {
      return await request<T>(session, method, path, body, reason)
    } catch (error) {
      if (error instanceof ApiError && error.status === 401 && !(await isKnown(session))) refused()
      throw error
    }
  }
  return {
    get: <T>(path: string) => ask<T>('GET', path),
    put: (path, body) => ask('PUT', path, body),
    post: <T>(path: string, body: unknown) => ask<T>('POST', path, body),
    remove: (path, reason) => ask('DELETE', path, undefined, reason),
  }
}

/** 401 is also the answer to somebody who is known and may not do this. */
async function isKnown(session: Session): Promise<boolean> {
  try {
    await request(session, 'GET', 'whoami')
    return true
  } catch (error) {
    return !(error instanceof ApiError) || error.status !== 401
  }
}

/** at`queues/${vhost}/${name}`: a path with its values encoded. */
export function at(parts: TemplateStringsArray, ...values: readonly string[]): string {
  return parts.reduce((path, part, index) => path + encodeURIComponent(values[index - 1]!) + part)
}
