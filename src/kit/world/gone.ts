// Files that others may remove meanwhile, /proc's among them: asking first whether one is there promises nothing of the read.

const codes = new Set(['ENOENT', 'ENOTDIR', 'ESRCH'])

/** What was read, or undefined where there is no such file or process any more. Other errors stay errors. */
export async function unlessGone<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read
  } catch (error) {
    if (codes.has((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
}
