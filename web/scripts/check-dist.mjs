// Builds into a folder of its own and compares with what is committed: whoever changes a source commits what it makes.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(dirname(fileURLToPath(import.meta.url)))
const made = mkdtempSync(join(tmpdir(), 'attune-dist-'))

function files(folder, under = '') {
  return readdirSync(join(folder, under), { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? files(folder, join(under, entry.name)) : [join(under, entry.name)],
  )
}

try {
  execFileSync(process.execPath, [join(here, 'node_modules/vite/bin/vite.js'), 'build', '--outDir', made, '--logLevel', 'warn'], { cwd: here, stdio: 'inherit' })
  const names = [...new Set([...files(made), ...files(join(here, 'dist'))])].sort()
  const read = (folder, name) => {
    try {
      return readFileSync(join(folder, name))
    } catch {
      return null
    }
  }
  const other = names.filter((name) => {
    const [a, b] = [read(made, name), read(join(here, 'dist'), name)]
    return a === null || b === null || !a.equals(b)
  })
  for (const name of other) console.error(`differs: ${name}`)
  const page = readFileSync(join(made, 'index.html'), 'utf8')
  const inline = /<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=/i.test(page)
  if (inline) console.error('index.html has a script or a style of its own, which the content security policy forbids')
  if (other.length > 0) console.error('error: web/dist is not what web/src makes\nhint: cargo xtask web --write, and commit web/dist')
  if (other.length > 0 || inline) process.exit(1)
  console.log(`web/dist is what web/src makes: ${names.length} files`)
} finally {
  rmSync(made, { recursive: true, force: true })
}
