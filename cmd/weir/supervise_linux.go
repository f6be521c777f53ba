package main

import "syscall"

// childAttributes put a child out of the terminal's reach, so that Ctrl-C is this process's to pass on, and have it die
// with this process.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// renice makes a process give way to others. It is a wish: without it everything works, with more elections.
func renice(pid, nice int) {
	if nice > 0 {
		_ = syscall.Setpriority(syscall.PRIO_PROCESS, pid, nice)
	}
}
