// For the tests of the management page: a broker with its page on a real port, and Debian's Chromium before it.
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { type Broker, openBroker } from '#broker/broker.ts'
import { openManagement } from '#broker/management/management.ts'
import { everything } from '#broker/test-broker.ts'
import { silentLog } from '#kit/log/log.ts'
import { realWorld } from '#kit/world/real.ts'
import { managementPage } from '#main/management-page.ts'

export const chromiumPath = '/usr/bin/chromium'

export type ServedPage = {
  broker: Broker
  amqpPort: number
  url: string
  browser: Browser
  close(): Promise<void>
}

export async function servePage(): Promise<ServedPage> {
  const world = realWorld()
  const broker = await openBroker({
    world,
    log: silentLog,
    users: {
      operator: { password: 'a secret', permissions: { '/': everything }, tags: ['administrator'] },
      reader: { password: 'a secret', permissions: { '/': everything }, tags: ['management'] },
    },
  })
  const management = openManagement({
    world,
    log: silentLog,
    broker,
    version: '0.1.0',
    page: managementPage(world),
  })
  const any = { host: '127.0.0.1', port: 0 }
  const { address } = await management.listen(any)
  const { address: amqp } = await broker.listen(any)
  if (!('port' in address) || !('port' in amqp)) throw new Error('they are on no port')
  const browser = await chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox'] })
  return {
    broker,
    amqpPort: amqp.port,
    url: `http://127.0.0.1:${address.port}`,
    browser,
    async close() {
      await browser.close()
      await management.close()
      await broker.close()
    },
  }
}

export type Visitor = {
  page: Page
  context: BrowserContext
  /** What the browser complained of: errors, refused scripts, dialogs of its own. */
  complaints: string[]
}

export async function visit({ browser, url }: ServedPage, locale = 'en-US'): Promise<Visitor> {
  const context = await browser.newContext({ locale })
  const page = await context.newPage()
  page.setDefaultTimeout(60_000)
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    // The browser itself notes each answer of 4xx; the page deals with those.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      complaints.push(message.text())
  })
  page.on('dialog', (dialog) => {
    complaints.push(dialog.message())
    void dialog.dismiss()
  })
  await page.goto(url)
  return { page, context, complaints }
}

export async function logIn(page: Page, user: string, password = 'a secret'): Promise<void> {
  await page.locator('#user').fill(user)
  await page.locator('#password').fill(password)
  await page.keyboard.press('Enter')
}
