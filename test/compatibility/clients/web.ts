/** Clients of web servers: downloads, long watches, WebSocket, a browser. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { until } from '../../e2e/wait.ts'
import { type Client, dialogue, mustBeTheFile, mustSay, transfer } from '../client.ts'
import type { Visit, Way } from '../ground.ts'
import { PORTS, PROXY } from '../places.ts'
import type { Services } from '../services.ts'

const CURL_PROXY: Readonly<Record<Way, readonly string[]>> = {
  forward: [],
  SOCKS5: ['--proxy', `socks5h://${PROXY}`],
  'HTTP CONNECT': ['--proxytunnel', '--proxy', `http://${PROXY}`],
  redirect: [],
}
const CHROMIUM_PROXY: Readonly<Record<Way, readonly string[]>> = {
  forward: [],
  SOCKS5: [`--proxy-server=socks5://${PROXY}`],
  'HTTP CONNECT': [`--proxy-server=http://${PROXY}`],
  redirect: [],
}
const CHROMIUM = [
  'chromium',
  ...[
    'headless',
    'no-sandbox',
    'disable-gpu',
    'disable-dev-shm-usage',
    'no-first-run',
    'ignore-certificate-errors',
    'dump-dom',
  ].map(name => `--${name}`),
]
const ECHO = fileURLToPath(new URL('../echo-process.js', import.meta.url))
const CURL_VERSION = [['curl', '--version'], /curl ([\d.]+)/] as const

function curl({ way }: Visit, ...args: readonly string[]): readonly string[] {
  return ['curl', '-q', '--silent', '--show-error', '--fail', ...CURL_PROXY[way], ...args]
}

async function download(visit: Visit, services: Services, version: string, ...args: readonly string[]): Promise<void> {
  const file = join(visit.directory, 'received')
  const format = ['--write-out', '%{http_version} %{http_code} %{num_connects}']
  const out = await transfer(visit, curl(visit, '--output', file, ...format, ...args))
  // Of a tunnel curl counts the connection to the proxy, too.
  mustSay(out, new RegExp(`^${version} 200 [12]$`))
  await mustBeTheFile(file, services)
}

export const WEB: readonly Client[] = [
  {
    name: 'curl HTTP/1.1',
    version: CURL_VERSION,
    needs: 'nginx',
    does: 'a download from nginx; the checksum',
    play: (visit, services) =>
      download(visit, services, '1.1', '--http1.1', `http://${visit.host}:${PORTS.http}/random`),
  },
  {
    name: 'curl HTTP/2',
    version: CURL_VERSION,
    needs: 'nginx',
    does: 'a download from nginx over TLS, its certificate checked; the checksum',
    play: (visit, services) => {
      const trust = ['--cacert', services.file('certificate.pem')]
      return download(visit, services, '2', '--http2', ...trust, `https://${visit.host}:${PORTS.https}/random`)
    },
  },
  {
    name: 'curl long watch',
    version: CURL_VERSION,
    needs: 'web',
    does: 'one answer of a line a second, as of `kubectl get --watch`, across two moves; each line once and in order',
    play: async visit => {
      const watch = visit.start(curl(visit, '--no-buffer', `http://${visit.host}:${PORTS.web}/watch`))
      for (const number of [1, 2]) {
        await watch.said(new RegExp(`"number":${number}}`))
        await visit.ground.move()
      }
      const numbers = [...(await watch.ends()).matchAll(/"number":(\d+)}\n/g)].map(([, number]) => number)
      mustSay(numbers.join(' '), /^1 2 3 4 5$/)
    },
  },
  {
    name: 'ws (Node.js)',
    version: [['npm', 'list', '--parseable', '--long', 'ws'], /ws@([\d.]+)/],
    needs: 'web',
    does: 'messages before and after the move, echoed; then an orderly close, code 1000',
    not: {
      SOCKS5: 'ws takes a connection that somebody else has made; the row of Chromium has a WebSocket over SOCKS5',
    },
    play: async visit => {
      const proxy = visit.way === 'HTTP CONNECT' ? [PROXY] : []
      const url = `ws://${visit.host}:${PORTS.web}/echo`
      const out = await dialogue(visit, [process.execPath, ECHO, url, ...proxy], {
        before: ['this, before', /^(this), before$/m],
        after: ['this, after', /^(this), after$/m],
      })
      mustSay(out, /^closed 1000$/m)
    },
  },
  {
    name: 'Chromium headless',
    version: [['chromium', '--version'], /Chromium ([\d.]+)/],
    needs: 'web',
    does: 'a page that loads across the move, with a WebSocket of two dozen messages in it; each once and in order; over TLS for HTTP CONNECT, since a browser uses tunnels for nothing else',
    play: async (visit, services) => {
      const profile = `--user-data-dir=${join(visit.directory, 'profile')}`
      const isTls = visit.way === 'HTTP CONNECT'
      const place = isTls ? `https://${visit.host}:${PORTS.webTls}` : `http://${visit.host}:${PORTS.web}`
      const web = await services.need('web')
      const seen = web.out.length
      const browser = visit.start([...CHROMIUM, profile, ...CHROMIUM_PROXY[visit.way], `${place}/page`])
      await until('a page that is under way', { deadlineMs: 30_000 }, () => {
        browser.mustRun()
        return web.out.slice(seen).includes('echoed 5\n') || undefined
      })
      await visit.ground.move()
      browser.mustRun()
      const out = await browser.ends()
      const [, heard] = /<p id="heard">([^<]*)</.exec(out) ?? []
      mustSay(heard ?? out, /^ 1 2 3 4 5 .* 23 24\b[ \d]*$/)
      const numbers = (heard as string).trim().split(' ').map(Number)
      if (numbers.some((number, index) => number !== index + 1)) throw new Error(`messages ${heard}`)
      mustSay(out, /<p>whole<\/p>/)
    },
  },
]
