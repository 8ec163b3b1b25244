dnl What the Dovecot door needs to know of Dovecot: where its headers are
dnl (dovecot-config says so, as to every plugin), where it looks for modules,
dnl and which shape its interfaces have. The last is found by compiling, never
dnl by version numbers: interfaces change inside 2.4.x.
dnl
dnl Results go into DOVECOT_CPPFLAGS, not into gatepost-config.h: that and
dnl Dovecot's config.h both define PACKAGE_NAME, so plugins never include ours.

AC_DEFUN([GP_DOVECOT_FIND], [
	AC_ARG_WITH([dovecot], [AS_HELP_STRING([--with-dovecot=DIR],
		[folder that holds dovecot-config
		 [/usr/lib/dovecot, /usr/local/lib/dovecot]])],
		[dovecot_dirs=$withval],
		[dovecot_dirs="/usr/lib/dovecot /usr/local/lib/dovecot"])
	AC_MSG_CHECKING([for dovecot-config])
	dovecot_config=
	for dir in $dovecot_dirs; do
		AS_IF([test -z "$dovecot_config" && test -r "$dir/dovecot-config"],
			[dovecot_config=$dir/dovecot-config])
	done
	AC_MSG_RESULT([${dovecot_config:-no}])
	AS_IF([test -z "$dovecot_config"], [AC_MSG_ERROR([
no dovecot-config in $dovecot_dirs.
Install the headers of Dovecot (Debian: apt install dovecot-dev), name the
folder with --with-dovecot=DIR, or leave the plugin out with
--disable-dovecot-plugin])])
])

AC_DEFUN([GP_DOVECOT_READ], [
	eval `$GREP '^LIBDOVECOT_INCLUDE=' "$dovecot_config"`
	eval `$GREP '^dovecot_moduledir=' "$dovecot_config"`
	AC_ARG_WITH([moduledir], [AS_HELP_STRING([--with-moduledir=DIR],
		[folder of the modules of Dovecot [as dovecot-config says]])],
		[dovecot_moduledir=$withval])
	AC_SUBST([dovecot_moduledir])
	dnl Warnings inside those headers are not ours.
	DOVECOT_CPPFLAGS=`AS_ECHO(["$LIBDOVECOT_INCLUDE"]) |
		$SED 's/-I */-isystem /g'`
	AC_SUBST([DOVECOT_CPPFLAGS])
])

AC_DEFUN([GP_DOVECOT_HEADERS], [
	gp_save_CPPFLAGS=$CPPFLAGS
	CPPFLAGS="$CPPFLAGS $DOVECOT_CPPFLAGS"
	AC_MSG_CHECKING([whether the headers of Dovecot can be used])
	AC_COMPILE_IFELSE([AC_LANG_SOURCE([[
#define HAVE_CONFIG_H 1
#include "config.h"
#include "lib.h"
#include "auth-common.h"
#include "passdb.h"
		]])],
		[AC_MSG_RESULT([yes])],
		[AC_MSG_RESULT([no])
		 AC_MSG_ERROR([
the headers that $dovecot_config names cannot be compiled (see config.log).
Install them (Debian: apt install dovecot-dev) or leave the plugin out with
--disable-dovecot-plugin])])
	CPPFLAGS=$gp_save_CPPFLAGS
	dovecot_version=`for dir in $DOVECOT_CPPFLAGS; do
		$SED -n 's/^#define PACKAGE_STRING "\(.*\)"$/\1/p' \
			"$dir/config.h" 2>/dev/null
	done`
])

AC_DEFUN([GP_DOVECOT], [
	GP_DOVECOT_FIND
	GP_DOVECOT_READ
	GP_DOVECOT_HEADERS
])
