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
	dnl Installed headers lie in one folder. Those of a source tree, which the
	dnl dovecot-config of a build there names, in many: lib-sasl's before those
	dnl of login processes, which have a namesake of sasl-server.h.
	LIBDOVECOT_AUTH_INCLUDE= LIBDOVECOT_LOGIN_INCLUDE=
	eval `$GREP '^LIBDOVECOT_INCLUDE=' "$dovecot_config"`
	eval `$GREP '^LIBDOVECOT_AUTH_INCLUDE=' "$dovecot_config"`
	eval `$GREP '^LIBDOVECOT_LOGIN_INCLUDE=' "$dovecot_config"`
	LIBDOVECOT_INCLUDE="$LIBDOVECOT_INCLUDE $LIBDOVECOT_AUTH_INCLUDE"
	LIBDOVECOT_INCLUDE="$LIBDOVECOT_INCLUDE $LIBDOVECOT_LOGIN_INCLUDE"
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
--disable-dovecot-plugin. Dovecot 2.4.2 to 2.4.4 install one file over another
of the same name, sasl-server.h: there, name the source tree that Dovecot was
built in, with --with-dovecot=DIR.])])
	CPPFLAGS=$gp_save_CPPFLAGS
	dovecot_version=`for dir in $DOVECOT_CPPFLAGS; do
		$SED -n 's/^#define PACKAGE_STRING "\(.*\)"$/\1/p' \
			"$dir/config.h" 2>/dev/null
	done`
])

dnl GP_DOVECOT_SHAPE(NAME, WHAT, CODE): defines NAME for the plugin when CODE
dnl compiles against the headers; gp_shape is then yes. A function of another
dnl shape than the headers say is only a warning by default.
AC_DEFUN([GP_DOVECOT_SHAPE], [
	gp_save_CPPFLAGS=$CPPFLAGS
	gp_save_CFLAGS=$CFLAGS
	CPPFLAGS="$CPPFLAGS $DOVECOT_CPPFLAGS"
	CFLAGS="$CFLAGS -std=gnu11 -Werror=incompatible-pointer-types"
	AC_MSG_CHECKING([$2])
	AC_COMPILE_IFELSE([AC_LANG_SOURCE([[
#define HAVE_CONFIG_H 1
#include "config.h"
#include "lib.h"
$3
		]])], [gp_shape=yes], [gp_shape=no])
	AC_MSG_RESULT([$gp_shape])
	CPPFLAGS=$gp_save_CPPFLAGS
	CFLAGS=$gp_save_CFLAGS
	AS_IF([test $gp_shape = yes],
		[DOVECOT_CPPFLAGS="$DOVECOT_CPPFLAGS -D$1"])
])

dnl With the headers of the auth process; those of login processes have
dnl namesakes of some.
AC_DEFUN([GP_DOVECOT_AUTH_SHAPE], [GP_DOVECOT_SHAPE([$1], [$2], [
		#include "auth-common.h"
		#include "auth-request.h"
		#include "passdb.h"
$3])])

dnl Exactly one shape of preinit compiles; none means a Dovecot that is not
dnl known yet.
AC_DEFUN([GP_DOVECOT_PREINIT], [
	gp_preinit_known=no
	GP_DOVECOT_AUTH_SHAPE([GP_DOVECOT_PREINIT_ARGS],
		[whether a passdb is given arguments (2.3)], [
		static struct passdb_module *f(pool_t pool, const char *args)
		{ return pool != NULL && args != NULL ? NULL : NULL; }
		struct passdb_module_interface i = { .preinit = f };])
	AS_IF([test $gp_shape = yes], [gp_preinit_known=yes])
	GP_DOVECOT_AUTH_SHAPE([GP_DOVECOT_PREINIT_EVENT],
		[whether a passdb is given an event (2.4.0)], [
		static int f(pool_t p, struct event *e,
			     struct passdb_module **m, const char **r)
		{ return p != NULL && e != NULL && m != NULL && r != NULL; }
		struct passdb_module_interface i = { .preinit = f };])
	AS_IF([test $gp_shape = yes], [gp_preinit_known=settings])
	GP_DOVECOT_AUTH_SHAPE([GP_DOVECOT_PREINIT_PARAMETERS],
		[whether a passdb is given parameters (2.4.3)], [
		static int f(pool_t p, struct event *e,
			     const struct passdb_parameters *a,
			     struct passdb_module **m, const char **r)
		{ return p != NULL && e != NULL && a != NULL && m != NULL &&
			 r != NULL; }
		struct passdb_module_interface i = { .preinit = f };])
	AS_IF([test $gp_shape = yes], [gp_preinit_known=settings])
	AS_IF([test $gp_preinit_known = no], [AC_MSG_ERROR([
this Dovecot ($dovecot_version) prepares its passdbs in a way that Gatepost
does not know yet. Leave the plugin out with --disable-dovecot-plugin, or take
a newer Gatepost.])])
])

AC_DEFUN([GP_DOVECOT_SHAPES], [
	GP_DOVECOT_PREINIT
	GP_DOVECOT_AUTH_SHAPE([GP_DOVECOT_FIELDS_PROTOCOL],
		[whether a login has a protocol (2.4.0)], [
		const char *f(struct auth_request *r);
		const char *f(struct auth_request *r)
		{ return r->fields.protocol; }])
	dnl The first of the two came to 2.3 with a security update, which
	dnl left its version and its ABI as they were.
	GP_DOVECOT_AUTH_SHAPE([GP_DOVECOT_PASSDB_MECHANISMS],
		[whether each block of a passdb has mechanisms (2.3)], [
		#include "auth.h"
		bool f(struct auth_passdb *p);
		bool f(struct auth_passdb *p)
		{ return p->mechanisms != NULL && p->username_filter != NULL; }])
	GP_DOVECOT_AUTH_SHAPE([GP_DOVECOT_PASSDB_MECHANISMS_FILTER],
		[whether each block of a passdb has a filter (2.4.0)], [
		#include "auth.h"
		bool f(struct auth_passdb *p);
		bool f(struct auth_passdb *p)
		{ return p->mechanisms_filter != NULL &&
			 p->username_filter != NULL; }])
	GP_DOVECOT_AUTH_SHAPE([GP_DOVECOT_CREDENTIALS_SCHEME],
		[whether credentials come with a scheme (2.4.5)], [
		void f(lookup_credentials_callback_t *c,
		       struct auth_request *r);
		void f(lookup_credentials_callback_t *c,
		       struct auth_request *r)
		{ c(PASSDB_RESULT_NEXT, NULL, 0, NULL, r); }])
	GP_DOVECOT_SHAPE([GP_DOVECOT_LOGIN_PLAINTEXT],
		[whether login processes speak of plaintext (2.3)], [
		#include "login-common.h"
		#include "client-common.h"
		#include "login-settings.h"
		bool f(struct client *c, string_t **s);
		bool f(struct client *c, string_t **s)
		{ *s = c->forward_fields;
		  return c->set->disable_plaintext_auth && c->proxied_ssl &&
			 c->starttls && c->ssl_set != NULL; }])
	gp_login_known=$gp_shape
	GP_DOVECOT_SHAPE([GP_DOVECOT_LOGIN_CLEARTEXT],
		[whether login processes speak of cleartext (2.4.0)], [
		#include "array.h"
		#include "login-common.h"
		#include "client-common.h"
		#include "login-settings.h"
		bool f(struct client *c);
		bool f(struct client *c)
		{ return c->set->auth_allow_cleartext &&
			 c->haproxy_terminated_tls &&
			 c->connection_used_starttls &&
			 c->ssl_server_set != NULL &&
			 array_is_created(&c->forward_fields); }])
	AS_IF([test "$gp_login_known$gp_shape" = nono], [AC_MSG_ERROR([
the login processes of this Dovecot ($dovecot_version) are built in a way that
Gatepost does not know yet. Leave the plugin out with
--disable-dovecot-plugin, or take a newer Gatepost.])])
	dnl With 2.4 settings come from modules of their own.
	GP_DOVECOT_SETTINGS_MODULE=
	GP_DOVECOT_SETTINGS_PART=
	AS_IF([test $gp_preinit_known = settings],
		[GP_DOVECOT_SETTINGS_MODULE=dovecot-plugin/libgatepost_settings.la
		 GP_DOVECOT_SETTINGS_PART=dovecot-plugin/libsettings-part.la])
	AC_SUBST([GP_DOVECOT_SETTINGS_MODULE])
	AC_SUBST([GP_DOVECOT_SETTINGS_PART])
	AC_SUBST([DOVECOT_CPPFLAGS])
])

dnl GP_DOVECOT_BESIDE(NAME, FILE): defines NAME as "FILE:ID", with the number
dnl that the linker gave this build of the file; as "" where FILE or the number
dnl is missing, as in a source tree.
AC_DEFUN([GP_DOVECOT_BESIDE], [
	gp_build=`$gp_readelf -n "$2" 2>/dev/null |
		$SED -n 's/^ *Build ID: *//p'`
	gp_build=${gp_build:+"$2:$gp_build"}
	DOVECOT_CPPFLAGS="$DOVECOT_CPPFLAGS -D$1=\\\"$gp_build\\\""
])

AC_DEFUN([GP_DOVECOT_BUILDS], [
	AC_CHECK_TOOL([gp_readelf], [readelf], [:])
	eval `$GREP '^dovecot_pkglibexecdir=' "$dovecot_config"`
	dovecot_libdir=`AS_DIRNAME(["$dovecot_config"])`
	AS_IF([test -r "$dovecot_libdir/libdovecot-login.so.0"], [
		GP_DOVECOT_BESIDE([GP_DOVECOT_AUTH_BUILD],
			[$dovecot_pkglibexecdir/auth])
		GP_DOVECOT_BESIDE([GP_DOVECOT_LOGIN_BUILD],
			[$dovecot_libdir/libdovecot-login.so.0])
	], [
		GP_DOVECOT_BESIDE([GP_DOVECOT_AUTH_BUILD], [/dev/null])
		GP_DOVECOT_BESIDE([GP_DOVECOT_LOGIN_BUILD], [/dev/null])
	])
])

AC_DEFUN([GP_DOVECOT], [
	GP_DOVECOT_FIND
	GP_DOVECOT_READ
	GP_DOVECOT_HEADERS
	GP_DOVECOT_SHAPES
	GP_DOVECOT_BUILDS
])
