import t from 'tap'
import { checkConfig } from '../../src/config/check.ts'
import { printableConfig } from '../../src/config/redact.ts'

const ID = 'hf1xnuvs7jm4l4fs3s2o2ag3m3lbbbddekncyz2df3jl25jnb34am7q'

t.test('shows a configuration as a file has it, without the queries of endpoints', async t => {
  const config = checkConfig(
    {
      listen: ['tcp://[::]:7700', { url: 'wss://[::]:7443/a?token=SECRET', cert: 'cert.pem', key: 'key.pem' }],
      advertise: ['ws://host.example.com:80/a?token=SECRET'],
      peers: [
        { name: 'office', id: ID, endpoints: ['wss://edge.example.com/b?token=SECRET'], allow: ['10.0.0.0/8:*'] },
      ],
      forward: [{ listen: '[::1]:15432', peer: 'office', to: 'db.internal:5432' }],
      routes: [{ to: 'db.internal', peer: 'office', withoutSidecar: 'direct' }],
      proxy: [
        { listen: '127.0.0.1:1080', peer: 'office' },
        { listen: '[::]:1080', optimistic: true, auth: { user: 'alice', password: 'SECRET' } },
      ],
      hold: 90,
    },
    '/etc/holdfast',
  )
  const printable = printableConfig(config)
  t.same(JSON.parse(JSON.stringify(printable)), {
    identity: '/etc/holdfast/identity.pem',
    listen: [
      { url: 'tcp://[::]:7700' },
      { url: 'wss://[::]:7443/a?…', certFile: '/etc/holdfast/cert.pem', keyFile: '/etc/holdfast/key.pem' },
    ],
    advertise: ['ws://host.example.com:80/a?…'],
    peers: [{ name: 'office', id: ID, endpoints: ['wss://edge.example.com:443/b?…'], allow: ['10.0.0.0/8:*'] }],
    forward: [{ listen: '[::1]:15432', peer: 'office', to: 'db.internal:5432' }],
    routes: [{ rules: ['db.internal:*'], peer: 'office', withoutSidecar: 'direct' }],
    firewall: { suspend: false },
    proxy: [
      { listen: '127.0.0.1:1080', peer: 'office', optimistic: false },
      { listen: '[::]:1080', optimistic: true, auth: { user: 'alice', password: '…' } },
    ],
    holdMs: 90_000,
    admin: { socket: '/etc/holdfast/holdfast.sock' },
  })
  t.notMatch(JSON.stringify(printable), 'SECRET')
})
