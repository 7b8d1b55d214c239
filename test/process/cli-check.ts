/** `holdfast up --check`: what is wrong with a configuration and with the files that it names, all at once. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { makeCertificates } from '../support/certificates.ts'
import { runCli, temporaryDirectory } from '../support/cli.ts'

/** @returns the lines of stderr, with the directory as {} */
async function checked(t: Test, files: Readonly<Record<string, string>>, yaml: string) {
  const directory = temporaryDirectory(t)
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text)
  const cwd = join(directory, 'office')
  await runCli(['init', '--dir', cwd])
  writeFileSync(join(cwd, 'holdfast.yaml'), yaml)
  const { code, stdout, stderr } = await runCli(['up', '--check'], { cwd })
  const lines = (text: string) => text.replaceAll(directory, '{}').split('\n').slice(0, -1)
  return { code, stdout: lines(stdout), stderr: lines(stderr) }
}

t.test('the files that a configuration names are read, and their faults told with all others', async t => {
  const [mine, other] = [await makeCertificates(), await makeCertificates()]
  const files = { 'cert.pem': mine.cert, 'key.pem': mine.key, 'other.pem': other.key, junk: 'junk', 'ca.pem': mine.ca }
  const { code, stdout, stderr } = await checked(
    t,
    { ...files, 'half.pem': `${mine.cert}\n-----BEGIN CERTIFICATE-----\njunk\n-----END CERTIFICATE-----\n` },
    `listen:
  - {url: 'wss://[::]:1', cert: ../cert.pem, key: ../key.pem}
  - {url: 'wss://[::]:2', cert: ../cert.pem, key: ../other.pem}
  - url: wss://[::]:3
    cert: ../junk
    key: ../junk
  - {url: 'wss://[::]:4', cert: ../half.pem, key: ../absent.pem}
  - {url: 'wss://[::]:5', cert: ../half.pem, key: ../key.pem}
  - tcp://*:6
ca: ../junk
identity: ../junk
hold: 1y
`,
  )
  t.equal(code, 2)
  t.same(stdout, [])
  t.match(stderr, [
    'holdfast: the configuration has 9 faults (CONFIG_INVALID):',
    /:3 listen\[1\]\.key: \{\}\/other\.pem is not the key of the certificate \{\}\/cert\.pem; name the two that belong/,
    /:5 listen\[2\]\.cert: \{\}\/junk holds no certificate in PEM form$/,
    /:6 listen\[2\]\.key: \{\}\/junk holds no private key in PEM form, or one with a password$/,
    /:7 listen\[3\]\.key: cannot read \{\}\/absent\.pem: there is no such file; check the path and its permissions$/,
    /:8 listen\[4\]\.cert: \{\}\/half\.pem and \{\}\/key\.pem are of no use to TLS: /,
    /:9 listen\[5\]: "\*" is no address; write \[::\] for every address of this host$/,
    /:10 ca: \{\}\/junk holds no certificate in PEM form, or a damaged one$/,
    /:11 identity: others can read the identity \{\}\/junk \(mode 0644\): chmod 600 \{\}\/junk$/,
    /:12 hold: "1y" is no duration/,
  ])
  const good = `listen: [{url: 'wss://[::]:1', cert: ../cert.pem, key: ../key.pem}]\nca: ../ca.pem\n`
  t.same((await checked(t, files, good)).code, 0)
})

t.test('a configuration that does nothing is no fault, and gets a hint', async t => {
  t.same(await checked(t, {}, 'hold: 1h\n'), {
    code: 0,
    stdout: [
      'ok: {}/office/holdfast.yaml: 0 peers, 0 forwards',
      'hint: it has neither listen nor peers nor forward nor proxy, and a sidecar with it does nothing',
    ],
    stderr: [],
  })
})
