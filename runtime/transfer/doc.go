// Package transfer copies files and folders between this machine and a host.
//
// Its one rule: a target is complete or untouched. Everything is written under a temporary name and
// then renamed, and a stream that ends early never passes for all of it.
//
// There are two ways of sending, and each is needed:
//
//   - A stream through a session of its own: a file as it is, a folder as a tar archive. It costs
//     the same few round trips for any number of files, and is as fast as "tar | ssh". The upload of
//     a big file to a host far away has several sessions, because each has a limited window.
//   - The difference (UploadOptions.Changed). One command on the host lists what it has, and only
//     the files that differ are streamed. It is for large folders of which little changes.
//
// SFTP is not one of them. It takes several round trips for each file, and every host that runs
// commands has cat and can have tar. Without tar a folder is refused with the package to install.
package transfer
