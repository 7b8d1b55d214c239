/** curl downloading from nginx, once over HTTP/1.1 and once over HTTP/2 in TLS. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../../lab/shell.ts'
import { until } from '../../wait.ts'
import { GrowingFile, sha256Of, writeRandomFile } from './random-file.ts'
import { findProgram, READY_DEADLINE_MS, REAL_PORT, type RealProgram, type Site } from './real-program.ts'
import { RunningProgram, stopAll } from './running-program.ts'

/** Else a quick machine is through with it while a slow one is still starting the others. */
const COPIES = { bytesPerSecond: 2_000_000, seconds: 30 }

interface Download {
  readonly file: GrowingFile
  readonly arguments: readonly string[]
  /** As curl says it and as nginx logs it. */
  readonly version: readonly [curl: string, nginx: string]
  sha256: string
  client: RunningProgram | undefined
}

export class Nginx implements RealProgram {
  readonly name = 'nginx and curl'
  readonly connections = 2
  readonly #site: Site
  readonly #directory: string
  readonly #copies: NonNullable<Site['copies']>
  readonly #fileBytes: number
  readonly #downloads: readonly Download[]
  #server: RunningProgram | undefined

  constructor(site: Site) {
    this.#site = site
    this.#directory = join(site.directory, 'nginx')
    mkdirSync(this.#directory)
    this.#copies = site.copies ?? COPIES
    this.#fileBytes = this.#copies.bytesPerSecond * this.#copies.seconds
    const { address } = site
    this.#downloads = [
      this.#download('h1', ['--http1.1', `http://${address}:${REAL_PORT.http}/h1`], ['1.1', 'HTTP/1.1']),
      this.#download('h2', ['--http2', '--insecure', `https://${address}:${REAL_PORT.https}/h2`], ['2', 'HTTP/2.0']),
    ]
  }

  async serve(): Promise<void> {
    const certificate = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-subj', '/CN=far', '-days', '2']
    const files = ['-nodes', '-keyout', this.#file('key.pem'), '-out', this.#file('certificate.pem')]
    await run(['openssl', 'req', '-x509', ...certificate, ...files])
    mkdirSync(this.#file('root'))
    for (const download of this.#downloads) {
      const name = download.version[0] === '2' ? 'h2' : 'h1'
      download.sha256 = await writeRandomFile(this.#file(`root/${name}`), this.#fileBytes, name)
    }
    writeFileSync(this.#file('nginx.conf'), this.#configuration)
    this.#server = new RunningProgram(this.#site.far, [findProgram('nginx'), '-e', 'stderr', ...this.#whereItIs])
    await this.#server.said(/start worker process/)
  }

  async begin(): Promise<void> {
    const started = this.#downloads.map(download => {
      const format = '%{http_version} %{http_code} %{num_connects} %{size_download}'
      const command = ['curl', '-q', '--silent', '--show-error', '--fail', ...this.#proxy]
      const output = ['--output', download.file.path, '--write-out', format]
      const client = new RunningProgram(this.#site.near, [...command, ...output, ...download.arguments])
      download.client = client
      return download.file.underWay(() => client.mustRun())
    })
    await Promise.all(started)
  }

  mustBeBusy(): void {
    for (const { file, client } of this.#downloads) {
      file.mustBeUnfinished()
      client?.mustRun()
    }
  }

  async finish(): Promise<string> {
    for (const { client, file, sha256, version } of this.#downloads) {
      // Of a tunnel it counts the connection to the proxy, too.
      const connects = this.#site.proxy === undefined ? '1' : '[12]'
      const expected = new RegExp(`^${version[0]} 200 ${connects} ${this.#fileBytes}$`)
      assert.match((await client?.ends()) ?? '', expected, 'what curl says')
      assert.equal(await sha256Of(file.path), sha256, `checksum of ${file.path}`)
    }
    // Written when a connection's last byte is: that may be a moment after the client has it.
    const expected = this.#downloads.map(({ version }) => `GET ${version[1]} 200 ${this.#fileBytes}`).sort()
    const lines = await until('the access log', { deadlineMs: READY_DEADLINE_MS }, () => {
      const found = readFileSync(this.#file('access.log'), 'utf8').trim().split('\n')
      return found.length >= expected.length ? found : undefined
    })
    // Each line begins with the number of its connection: nginx counts every one it accepts.
    assert.deepEqual(lines.map(line => line.replace(/^\d+ /, '')).sort(), expected, 'requests the server saw')
    const connections = lines.map(line => Number(line.split(' ')[0])).sort((a, b) => a - b)
    assert.deepEqual(connections, [1, 2], 'numbers of connections the server accepted')
    const [h1, h2] = this.#downloads.map(({ file }) => file.seen)
    return `HTTP/1.1 ${h1} and HTTP/2 ${h2}; one request and one connection each`
  }

  async close(): Promise<void> {
    await stopAll([...this.#downloads.map(({ client }) => client), this.#server])
  }

  get #proxy(): readonly string[] {
    const { proxy } = this.#site
    if (proxy === undefined) return ['--noproxy', '*']
    const place = `${proxy.host}:${proxy.port}`
    return proxy.kind === 'SOCKS5' ? ['--proxy', `socks5h://${place}`] : ['--proxytunnel', '--proxy', `http://${place}`]
  }

  get #whereItIs(): readonly string[] {
    return ['-p', this.#directory, '-c', this.#file('nginx.conf')]
  }

  get #configuration(): string {
    const temporary = ['client_body', 'proxy', 'fastcgi', 'scgi', 'uwsgi']
    return `
      daemon off;
      user root;
      worker_processes 1;
      pid nginx.pid;
      error_log stderr notice;
      events { worker_connections 64; }
      http {
        log_format requests '$connection $request_method $server_protocol $status $body_bytes_sent';
        access_log access.log requests;
        ${temporary.map(what => `${what}_temp_path ${what};`).join('\n')}
        root root;
        # For each request. curl's own limit is none after a pause.
        limit_rate ${this.#copies.bytesPerSecond};
        server { listen ${this.#site.address}:${REAL_PORT.http}; }
        server {
          listen ${this.#site.address}:${REAL_PORT.https} ssl http2;
          ssl_certificate certificate.pem;
          ssl_certificate_key key.pem;
        }
      }
    `
  }

  #download(name: string, args: readonly string[], version: readonly [string, string]): Download {
    const file = new GrowingFile(this.#file(`downloaded-${name}`), this.#fileBytes)
    return { file, arguments: args, version, sha256: '', client: undefined }
  }

  #file(name: string): string {
    return join(this.#directory, name)
  }
}
