/** OpenSSH: two copies by scp, one in each direction, and a shell in which somebody types before and after. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../../lab/shell.ts'
import { GrowingFile, sha256Of, writeRandomFile } from './random-file.ts'
import { countOf, findProgram, REAL_PORT, type RealProgram, type Site } from './real-program.ts'
import { RunningProgram, stopAll } from './running-program.ts'

/** As fast as the path carries them. */
const FILE_BYTES = 200_000_000
const CLIENTS = 3
const NC_PROTOCOL = { SOCKS5: '5', 'HTTP CONNECT': 'connect' } as const

/** Hides what sshd would write on this machine (/run/utmp, /var/log/wtmp and lastlog), and gives it its /run/sshd. */
const IN_PRIVATE = 'mount -t tmpfs tmpfs /run && mkdir /run/sshd && mount -t tmpfs tmpfs /var/log && exec "$0" "$@"'

export class Ssh implements RealProgram {
  readonly name = 'OpenSSH'
  readonly connections = CLIENTS
  readonly #site: Site
  readonly #directory: string
  readonly #fileBytes: number
  readonly #uploaded: GrowingFile
  readonly #downloaded: GrowingFile
  #sha256: readonly string[] = []
  #server: RunningProgram | undefined
  #upload: RunningProgram | undefined
  #download: RunningProgram | undefined
  #shell: RunningProgram | undefined
  #shellPid = ''

  constructor(site: Site) {
    this.#site = site
    this.#directory = join(site.directory, 'ssh')
    mkdirSync(this.#directory)
    const { copies } = site
    this.#fileBytes = copies === undefined ? FILE_BYTES : copies.bytesPerSecond * copies.seconds
    this.#uploaded = new GrowingFile(this.#file('uploaded'), this.#fileBytes)
    this.#downloaded = new GrowingFile(this.#file('downloaded'), this.#fileBytes)
  }

  async serve(): Promise<void> {
    for (const key of ['host-key', 'client-key'])
      await run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', this.#file(key)])
    writeFileSync(this.#file('known-hosts'), `[${this.#site.address}]:${REAL_PORT.ssh} ${this.#read('host-key.pub')}`)
    writeFileSync(this.#file('sshd-config'), this.#configuration)
    const command = [findProgram('sshd'), '-D', '-e', '-f', this.#file('sshd-config')]
    this.#server = new RunningProgram(this.#site.far, ['sh', '-c', IN_PRIVATE, ...command])
    const files = ['to-upload', 'to-download'].map(name => writeRandomFile(this.#file(name), this.#fileBytes, name))
    this.#sha256 = await Promise.all(files)
    await this.#server.said(/Server listening on/)
  }

  async begin(): Promise<void> {
    const { address, copies } = this.#site
    const remote = (name: string) => `root@${address}:${this.#file(name)}`
    const limit = copies === undefined ? [] : ['-l', String((copies.bytesPerSecond * 8) / 1024)]
    const copy = (...paths: string[]) =>
      this.#client(['scp', '-q', ...limit, ...this.#options, '-P', String(REAL_PORT.ssh), ...paths])
    const upload = copy(this.#file('to-upload'), remote('uploaded'))
    const download = copy(remote('to-download'), this.#downloaded.path)
    // A plain sh, since others keep a history in a file.
    const shell = this.#client(['ssh', '-tt', ...this.#options, '-p', String(REAL_PORT.ssh), `root@${address}`, 'sh'])
    this.#upload = upload
    this.#download = download
    this.#shell = shell
    this.#shellPid = await typeInto(shell, 'before', 6)
    await this.#uploaded.underWay(() => upload.mustRun())
    await this.#downloaded.underWay(() => download.mustRun())
  }

  mustBeBusy(): void {
    for (const file of [this.#uploaded, this.#downloaded]) file.mustBeUnfinished()
    for (const client of [this.#upload, this.#download, this.#shell]) client?.mustRun()
  }

  async finish(): Promise<string> {
    const shell = this.#shell as RunningProgram
    assert.equal(await typeInto(shell, 'after', 7), this.#shellPid, 'the process of the shell')
    // Its own choice of an exit code arrives only over the same connection.
    shell.write('exit 23\n')
    await shell.ends(23)
    await Promise.all([this.#upload, this.#download].map(copy => copy?.ends()))
    const copies = await Promise.all([this.#uploaded, this.#downloaded].map(file => sha256Of(file.path)))
    assert.deepEqual(copies, this.#sha256, 'checksums up and down')
    const log = this.#server?.errors ?? ''
    const connections = countOf(log, /^Connection from /gm)
    assert.deepEqual([connections, countOf(log, /^Accepted publickey for root /gm)], [CLIENTS, CLIENTS], log)
    const copied = `scp up ${this.#uploaded.seen}, down ${this.#downloaded.seen}`
    return `${copied}; shell ${this.#shellPid} before and after; ${connections} connections`
  }

  async close(): Promise<void> {
    await stopAll([this.#shell, this.#upload, this.#download, this.#server])
  }

  get #configuration(): string {
    return [
      `ListenAddress ${this.#site.address}:${REAL_PORT.ssh}`,
      `HostKey ${this.#file('host-key')}`,
      `AuthorizedKeysFile ${this.#file('client-key.pub')}`,
      'PidFile none',
      'UsePAM no',
      'StrictModes no',
      'PermitRootLogin prohibit-password',
      'AuthenticationMethods publickey',
      'PrintMotd no',
      'PrintLastLog no',
      'LogLevel VERBOSE',
      'Subsystem sftp internal-sftp',
      '',
    ].join('\n')
  }

  get #options(): readonly string[] {
    const { proxy } = this.#site
    const settings = [
      `UserKnownHostsFile=${this.#file('known-hosts')}`,
      'GlobalKnownHostsFile=none',
      'StrictHostKeyChecking=yes',
      'IdentitiesOnly=yes',
      'BatchMode=yes',
      ...(proxy === undefined
        ? []
        : [`ProxyCommand=nc -X ${NC_PROTOCOL[proxy.kind]} -x ${proxy.host}:${proxy.port} %h %p`]),
    ]
    return ['-F', 'none', '-i', this.#file('client-key'), ...settings.flatMap(setting => ['-o', setting])]
  }

  #client(command: readonly string[]): RunningProgram {
    return new RunningProgram(this.#site.near, command)
  }

  #file(name: string): string {
    return join(this.#directory, name)
  }

  #read(name: string): string {
    return readFileSync(this.#file(name), 'utf8')
  }
}

/** The terminal echoes what is typed, so only what the shell has computed counts as its answer. @returns its pid */
async function typeInto(shell: RunningProgram, word: string, number: number): Promise<string> {
  shell.write(`echo ${word} $$ $((${number} * ${number}))\n`)
  const answer = await shell.said(new RegExp(`${word} (\\d+) ${number * number}\\b`))
  return answer[1] as string
}
