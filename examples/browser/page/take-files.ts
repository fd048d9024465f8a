/** Lets a user drop files on a place, `data-over` while they are above it, or choose them with an input. */
export function takeFiles(
  place: HTMLElement,
  input: HTMLInputElement,
  take: (files: readonly File[]) => void,
) {
  const over = (is: boolean) => place.toggleAttribute('data-over', is)
  place.addEventListener('dragover', event => {
    event.preventDefault()
    over(true)
  })
  place.addEventListener('dragleave', () => over(false))
  place.addEventListener('drop', event => {
    event.preventDefault()
    over(false)
    const files = [...(event.dataTransfer?.files ?? [])]
    if (files.length > 0) take(files)
  })
  input.addEventListener('change', () => {
    const files = [...(input.files ?? [])]
    // The same files may be chosen again.
    input.value = ''
    if (files.length > 0) take(files)
  })
}
