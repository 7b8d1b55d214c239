/** A host behind the near one, as a container or a machine of the same office is: the near host forwards for it. */
import type { Namespace } from './namespace.ts'

export async function attachGuest(guest: Namespace, near: Namespace): Promise<void> {
  await near.ip(
    `link add name inner type veth peer name inner netns ${guest.name}`,
    'link set dev inner up',
    'address add 10.79.0.1/24 dev inner',
  )
  await guest.ip('link set dev inner up', 'address add 10.79.0.2/24 dev inner', 'route add default via 10.79.0.1')
  await near.run(['sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward'])
}
