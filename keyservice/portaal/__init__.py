"""The Portaal Inburgering: inburgeraars, and whether they signed the participatieverklaring."""
