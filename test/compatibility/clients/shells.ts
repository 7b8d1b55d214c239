/** OpenSSH, and what uses it or is used like it: git and rsync. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../../e2e/lab/shell.ts'
import { MAIN } from '../../support/cli.ts'
import { type Client, dialogue, mustBeTheFile, mustSay, transfer } from '../client.ts'
import type { Visit, Way } from '../ground.ts'
import { PORTS, PROXY, SERVER } from '../places.ts'
import type { Services } from '../services.ts'

const SSH_PROXY: Partial<Record<Way, string>> = {
  SOCKS5: `nc -X 5 -x ${PROXY} %h %p`,
  'HTTP CONNECT': `${process.execPath} ${MAIN} pipe --proxy ${PROXY} %h %p`,
}
const GIT_PROXY: Partial<Record<Way, NodeJS.ProcessEnv>> = {
  SOCKS5: { https_proxy: `socks5h://${PROXY}` },
  'HTTP CONNECT': { https_proxy: `http://${PROXY}` },
}
const SSH_VERSION = [['sh', '-c', 'ssh -V 2>&1'], /OpenSSH_([\w.]+)/] as const
const GIT_VERSION = [['git', '--version'], /[\d.]+/] as const
const RSYNC_VERSION = [['rsync', '--version'], /version ([\d.]+)/] as const

/** @returns the options that make a program of OpenSSH know `server` */
function sshOptions({ way, host, directory }: Visit, services: Services): readonly string[] {
  const path = join(directory, 'ssh-config')
  const proxy = SSH_PROXY[way]
  const known = join(directory, 'known-hosts')
  const lines = [
    'Host server',
    `HostName ${host}`,
    `Port ${PORTS.ssh}`,
    'User root',
    `IdentityFile ${services.file('client-key')}`,
    `UserKnownHostsFile ${known}`,
    'GlobalKnownHostsFile none',
    // The host key is the same whatever the way; which one it is, is of no matter here.
    'StrictHostKeyChecking accept-new',
    'IdentitiesOnly yes',
    'BatchMode yes',
    'LogLevel ERROR',
    ...(proxy === undefined ? [] : [`ProxyCommand ${proxy}`]),
  ]
  writeFileSync(path, `${lines.join('\n')}\n`)
  return ['-F', path]
}

async function clone(visit: Visit, services: Services, url: string, environment: NodeJS.ProcessEnv = {}) {
  const path = join(visit.directory, 'clone')
  await transfer(visit, ['git', 'clone', '-q', url, path], { GIT_CONFIG_GLOBAL: '/dev/null', ...environment })
  await run(['git', '-C', path, 'fsck', '--full', '--strict'])
  await mustBeTheFile(join(path, 'random'), services)
}

const OPENSSH: readonly Client[] = [
  {
    name: 'ssh',
    version: SSH_VERSION,
    needs: 'sshd',
    does: 'a shell in which somebody types before and after the move; its process is the same, and its exit code arrives',
    play: async (visit, services) => {
      const command = ['ssh', '-tt', ...sshOptions(visit, services), 'server', 'sh']
      await dialogue(visit, command, {
        before: ['echo before $$ $((6 * 6))', /before (\d+) 36/],
        after: ['echo after $$ $((7 * 7))', /after (\d+) 49/],
        farewell: 'exit 23',
        code: 23,
      })
    },
  },
  {
    name: 'scp',
    version: SSH_VERSION,
    needs: 'sshd',
    does: 'a file copied up; the checksum',
    play: async (visit, services) => {
      const to = join(visit.directory, 'received')
      await transfer(visit, ['scp', '-q', ...sshOptions(visit, services), services.file('random'), `server:${to}`])
      await mustBeTheFile(to, services)
    },
  },
  {
    name: 'sftp',
    version: SSH_VERSION,
    needs: 'sshd',
    does: 'a file copied down; the checksum',
    play: async (visit, services) => {
      const to = join(visit.directory, 'received')
      await transfer(visit, ['sftp', '-q', ...sshOptions(visit, services), `server:${services.file('random')}`, to])
      await mustBeTheFile(to, services)
    },
  },
]

const GIT: readonly Client[] = [
  {
    name: 'git over ssh',
    version: GIT_VERSION,
    needs: 'sshd',
    does: 'a clone; `git fsck`, and the checksum of the file in it',
    play: (visit, services) => {
      const ssh = `ssh ${sshOptions(visit, services).join(' ')}`
      return clone(visit, services, `server:${services.file('repository.git')}`, { GIT_SSH_COMMAND: ssh })
    },
  },
  {
    name: 'git over https',
    version: GIT_VERSION,
    needs: 'nginx',
    does: 'a clone from nginx, its certificate checked; `git fsck`, and the checksum of the file in it',
    play: (visit, services) => {
      const trust = { GIT_SSL_CAINFO: services.file('certificate.pem') }
      const url = `https://${visit.host}:${PORTS.https}/repository.git`
      return clone(visit, services, url, { ...trust, ...GIT_PROXY[visit.way] })
    },
  },
  {
    name: 'git over git://',
    version: GIT_VERSION,
    needs: 'git',
    does: 'a clone from `git daemon`; `git fsck`, and the checksum of the file in it',
    not: Object.fromEntries(
      ['SOCKS5', 'HTTP CONNECT'].map(way => [way, 'git:// has no setting for a proxy but a program of one’s own']),
    ),
    play: (visit, services) => clone(visit, services, `git://${visit.host}:${PORTS.git}/repository.git`),
  },
]

const RSYNC_PROXY: Partial<Record<Way, NodeJS.ProcessEnv>> = {
  SOCKS5: { RSYNC_CONNECT_PROG: `nc -X 5 -x ${PROXY} ${SERVER} ${PORTS.rsync}` },
  'HTTP CONNECT': { RSYNC_PROXY: PROXY },
}

const RSYNC: readonly Client[] = [
  {
    name: 'rsync daemon',
    version: RSYNC_VERSION,
    needs: 'rsync',
    does: 'a file copied down, and its checksum; a second copy finds nothing to do',
    play: async (visit, services) => {
      const to = join(visit.directory, 'received')
      const command = ['rsync', '-t', '--stats', `rsync://${visit.host}:${PORTS.rsync}/root/random`, to]
      const environment = RSYNC_PROXY[visit.way] ?? {}
      await transfer(visit, command, environment)
      await mustBeTheFile(to, services)
      mustSay(await visit.start(command, environment).ends(), /Number of regular files transferred: 0\n/)
    },
  },
  {
    name: 'rsync over ssh',
    version: RSYNC_VERSION,
    needs: 'sshd',
    does: 'a file copied up; the checksum',
    play: async (visit, services) => {
      const to = join(visit.directory, 'received')
      const shell = `ssh ${sshOptions(visit, services).join(' ')}`
      await transfer(visit, ['rsync', '-e', shell, services.file('random'), `server:${to}`])
      await mustBeTheFile(to, services)
    },
  },
]

export const SHELLS: readonly Client[] = [...OPENSSH, ...GIT, ...RSYNC]
