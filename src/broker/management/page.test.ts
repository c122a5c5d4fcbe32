import { describe, expect, it } from 'vitest'
import { realWorld } from '#kit/world/real.ts'
import { openPage } from './page.ts'

const folder = `${import.meta.dirname}/../../dashboard/mq`
const page = openPage(realWorld(), folder)

describe('the files of the management page', () => {
  it('have no types left, and lead only to each other', async () => {
    const seen = new Set<string>()
    const visit = async (path: string): Promise<void> => {
      if (seen.has(path)) return
      seen.add(path)
      const file = await page(path)
      expect(file, path).toBeDefined()
      expect(file!.type).toBe('text/javascript; charset=utf-8')
      const text = file!.body.toString()
      expect(text).not.toMatch(/^(import|export) type |: string\b/m)
      for (const [, to] of text.matchAll(/from '([^']+)'/g)) {
        expect(to, path).toMatch(/^\.\.?\//)
        await visit(new URL(to!, `http://page${path}`).pathname)
      }
    }
    await visit('/main.ts')
    expect(seen.size).toBeGreaterThan(20)
  })

  it('are the whole document, with nothing from elsewhere', async () => {
    const document = await page('/')
    expect(document).toMatchObject({ type: 'text/html; charset=utf-8' })
    expect(document).toEqual(await page('/index.html'))
    for (const [, path] of document!.body.toString().matchAll(/(?:href|src)="([^"]+)"/g))
      expect(await page(`/${path}`), path).toBeDefined()
    const policy = document!.headers['content-security-policy']
    expect(policy).toContain("default-src 'none'")
    expect(policy).not.toMatch(/unsafe|\*/)
  })

  it.each([
    '/../page.ts',
    '/part/../../../../README.md',
    '/tsconfig.json',
    '/part',
    '/.git',
    '/%2e%2e/page.ts',
    '/nothing.ts',
    '//main.ts',
  ])('are all there is: %s is not', async (path) => {
    expect(await page(path)).toBeUndefined()
  })
})
