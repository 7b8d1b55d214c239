/**
 * Two namespaces and a veth between them, as fast as the kernel is:
 *
 *     near  10.79.1.2 ───── 10.79.1.1  far, which also has 10.20.0.5 and 10.21.0.5
 */
import { type Children, run } from './children.ts'

export class TwoHosts {
  static readonly farAddress = '10.79.1.1'
  /** Networks behind the far side, and an address of each. */
  static readonly behind = [
    { network: '10.20.0.0/16', host: '10.20.0.5' },
    { network: '10.21.0.0/16', host: '10.21.0.5' },
  ] as const
  readonly nearPrefix: readonly string[]
  readonly farPrefix: readonly string[]

  private constructor(near: string, far: string) {
    this.nearPrefix = ['ip', 'netns', 'exec', near]
    this.farPrefix = ['ip', 'netns', 'exec', far]
  }

  /** Everything is undone by `children.end()`. @throws Error without root */
  static async start(children: Children, prefix: string): Promise<TwoHosts> {
    const [near, far] = [`${prefix}-near`, `${prefix}-far`]
    for (const namespace of [near, far]) {
      await run('ip', 'netns', 'add', namespace)
      children.defer(() => run('ip', 'netns', 'del', namespace).then(() => {}))
      await run('ip', '-n', namespace, 'link', 'set', 'lo', 'up')
    }
    await run('ip', '-n', near, 'link', 'add', 'near0', 'type', 'veth', 'peer', 'name', 'far0', 'netns', far)
    await run('ip', '-n', near, 'addr', 'add', '10.79.1.2/24', 'dev', 'near0')
    await run('ip', '-n', far, 'addr', 'add', `${TwoHosts.farAddress}/24`, 'dev', 'far0')
    for (const { host } of TwoHosts.behind) await run('ip', '-n', far, 'addr', 'add', `${host}/32`, 'dev', 'lo')
    await run('ip', '-n', near, 'link', 'set', 'near0', 'up')
    await run('ip', '-n', far, 'link', 'set', 'far0', 'up')
    await run('ip', '-n', near, 'route', 'add', 'default', 'via', TwoHosts.farAddress)
    return new TwoHosts(near, far)
  }
}
