/** An archive of files of any content, whole or not. */
export { writeZip as zipBytes } from '../src/zip/write-zip.ts'
