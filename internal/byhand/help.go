package byhand

// LongHelp is the part of `roost run --help` that tells what the two forms without a bundle give.
const LongHelp = `Without a bundle:

  roost run [flags] -- COMMAND [ARG...]                a throw-away copy of this host
  roost run [flags] --rootfs DIR -- COMMAND [ARG...]   the root file system in DIR, written to in place

The copy of the host shows /usr, /etc, /opt, /var and the like, each under a layer in memory that is gone
when the container ends; nothing on the host changes. It is a view, not a machine to install packages
into: unless root started it, what the host's root owns shows as "nobody", and can only be read, except
for the first level, where new files may be made (/usr/new works, /usr/bin/new does not; further down even
files of yours cannot be changed: "Value too large for defined data type"). A directory
with a mount below it cannot be copied by an ordinary user; it is shown read-only as it is, with copies of
its sub-directories on top.

Not shown, unless you ask: your home directory (an empty one is there, at the same path), the homes
of others, /run, /tmp, /var/tmp, /srv, /mnt, /media and everything else in / that is not the system's. With
them go the sockets of Docker, of D-Bus, of the display and of the ssh agent.

  -v .              this directory, writable, at the same path
  -v SRC:DST[:ro]   any other; :O instead of :ro gives a throw-away copy of it
  --home            your home directory, writable

The command runs as root of the container, which is you: it may do to files that you expose what you may.
It starts in the current directory where the container has it, else in $HOME. The environment is PATH, HOME,
HOSTNAME, container=roost, TERM with -t, in the copy of the host your locale and time zone, and what -e and
--env-file say.
There is no network (--net host shares this host's). --pid host and --net host let the command reach your
other processes, and through them your files.
`
